import { writeSync } from 'node:fs';
import type { StoreTrap } from '../store-trap.js';
import type { MappingWatch } from './mapping-watch.js';

const SIGKILL = 9;
const SIGALRM = 14;
/** A forked process that takes longer than this hangs. */
const LIMIT_SECONDS = 20;
const COMPLETE = 0;
const THREW = 3;

/** Runs a piece of a program in a forked process that is killed right before one of its stores. */
export class ForkedRun {
  readonly #trap: StoreTrap;
  readonly #mappings: MappingWatch;

  constructor(trap: StoreTrap, mappings: MappingWatch) {
    this.#trap = trap;
    this.#mappings = mappings;
    mappings.onReplace = () => trap.protectAgain();
  }

  /**
   * Runs `setUp` completely, then `run` until right before its store number `point` to the memory that was mapped last.
   * Returns true when the process was killed, false when `run` finished first. Throws when it threw or hung.
   */
  killAfter<T>(point: number, setUp: () => T, run: (value: T) => unknown): boolean {
    return this.#fork(() => {
      const value = setUp();
      if (this.#mappings.latest === undefined) throw new Error('nothing was mapped');
      this.#trap.arm(this.#mappings.latest, point, SIGKILL);
      run(value);
    });
  }

  /** The same, counting stores from the moment at which `run` maps memory. */
  killWhileMapping(point: number, run: () => unknown): boolean {
    return this.#fork(() => {
      this.#mappings.onMap = (buffer) => this.#trap.arm(buffer, point, SIGKILL);
      run();
    });
  }

  /** The same, counting only stores to what `run` maps first. */
  killInFirstMapping(point: number, run: () => unknown): boolean {
    return this.#fork(() => {
      this.#mappings.onMap = (buffer) => {
        this.#mappings.onMap = () => {};
        this.#trap.arm(buffer, point, SIGKILL);
      };
      run();
    });
  }

  /** `killAfter` right before a system call of `run`, of those that `native/test/refused_calls.c` counts. */
  killAtCall<T>(point: number, setUp: () => T, run: (value: T) => unknown): boolean {
    return this.#fork(() => {
      const value = setUp();
      process.env.KILLED_AT_CALL = String(point);
      run(value);
      delete process.env.KILLED_AT_CALL;
    });
  }

  #fork(run: () => void): boolean {
    const pid = this.#trap.fork(LIMIT_SECONDS);
    if (pid < 0) throw new Error(`fork: error ${pid}`);
    if (pid === 0) {
      try {
        run();
      } catch (error) {
        writeSync(2, `${error instanceof Error ? error.stack : error}\n`);
        this.#trap.exit(THREW);
      }
      this.#trap.exit(COMPLETE);
    }
    const status = this.#trap.wait(pid);
    if (status === -SIGKILL) return true;
    if (status === COMPLETE) return false;
    if (status === -SIGALRM) throw new Error(`the process to be killed hung for ${LIMIT_SECONDS} s`);
    throw new Error(status === THREW ? 'the process to be killed threw' : `the process ended with status ${status}`);
  }
}
