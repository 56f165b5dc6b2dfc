import type { Segment } from '../../../src/pools/index.js';
import type { Subject } from '../subject.js';
import type { ForkedRun } from './forked-run.js';
import type { KillOutcome, Plan } from './kill-operation.js';
import { Picture } from './proof-table.js';

/** An operation on a pool, in a process that is killed meanwhile. */
export interface PoolOperation {
  /** Runs completely; the function that it returns is killed at every store. */
  readonly begin: (segment: Segment) => () => unknown;
}

/** A pool with an operation to be killed, and the processes that survive it. */
export interface PoolScene {
  readonly name: string;
  readonly bytes: number;
  readonly victim: PoolOperation;
  /** Operations by which others complete what the dead process began; they are killed too. */
  readonly recoveries: readonly (PoolOperation & { readonly name: string; readonly arrange?: () => void })[];
  /** True for an operation that must not store anything. */
  readonly storesNothing?: boolean | undefined;
  /** Other states that may be seen when the operation was interrupted. */
  readonly between?: readonly string[] | undefined;
  /** Brings the pool into its state before the operation, in this process. */
  readonly prepare: (segment: Segment) => void;
  /** Prepares everything outside the memory for the next kill. */
  readonly arrange?: () => void;
  /** The state of the pool as others see it. */
  readonly look: () => string;
  /** Uses the pool, and throws if anything is wrong with it. May change everything. */
  readonly check: () => void;
  readonly end: () => void;
}

/**
 * Kills an operation on a pool before its first store, its second, and so on until it completes, each time in a newly
 * forked process; this process then examines the pool and uses it. Recoveries are killed in the same way.
 */
export class KillPool {
  readonly #subject: Subject;
  readonly #forked: ForkedRun;
  readonly #scene: PoolScene;
  readonly #plan: Plan;
  readonly #outcome: KillOutcome;

  constructor(subject: Subject, forked: ForkedRun, scene: PoolScene, plan: Plan) {
    this.#subject = subject;
    this.#forked = forked;
    this.#scene = scene;
    this.#plan = plan;
    this.#outcome = { name: scene.name, points: 0, recoveryPoints: 0, failures: [] };
  }

  run(): KillOutcome {
    const scene = this.#scene;
    const name = `kill-pool-${process.pid}`;
    const segment = this.#subject.Segment.create({ name, size: scene.bytes });
    try {
      scene.prepare(segment);
      scene.arrange?.();
      const start = new Picture(segment.buffer);
      const before = scene.look();
      if (this.#kill(name, scene.victim, Number.MAX_SAFE_INTEGER)) throw new Error('another process killed it');
      const after = scene.look();
      this.#killEverywhere(name, segment, start, before, after);
    } catch (error) {
      this.#fail('the proof itself', error);
    } finally {
      scene.end();
      segment.unlink();
      segment.close();
    }
    return this.#outcome;
  }

  #killEverywhere(name: string, segment: Segment, start: Picture, before: string, after: string): void {
    const scene = this.#scene;
    let done = false;
    for (let point = 0; this.#outcome.failures.length < this.#plan.maxFailures; point++) {
      if (this.#plan.random() >= this.#plan.share) continue;
      scene.arrange?.();
      start.restore();
      if (!this.#kill(name, scene.victim, point)) return;
      this.#outcome.points++;
      const atDeath = new Picture(segment.buffer);
      try {
        if (scene.storesNothing) throw new Error('it stores something');
        const seen = scene.look();
        const allowed = [before, after, ...(scene.between ?? [])];
        if (!allowed.includes(seen)) throw new Error(`neither old nor new: ${seen}`);
        if (done && before !== after && seen !== after)
          throw new Error('it was complete when killed one store earlier');
        done = seen === after;
        scene.check();
      } catch (error) {
        this.#fail(`killed before store ${point}`, error);
      }
      this.#killRecovery(name, point, atDeath);
    }
  }

  #killRecovery(name: string, point: number, atDeath: Picture): void {
    const { recovery, random, maxFailures } = this.#plan;
    const { recoveries, arrange, check } = this.#scene;
    if (recoveries.length === 0) return;
    const way = recoveries[point % recoveries.length];
    const tries = recovery === 'all' ? Number.POSITIVE_INFINITY : recovery;
    for (let i = 0; i < tries && this.#outcome.failures.length < maxFailures; i++) {
      const store = recovery === 'all' ? i : Math.floor(random() * SOME_STORES);
      arrange?.();
      atDeath.restore();
      way.arrange?.();
      const killed = this.#kill(name, way, store);
      try {
        check();
      } catch (error) {
        this.#fail(`killed before store ${point}, then ${way.name} before store ${store}`, error);
      }
      if (!killed && recovery === 'all') return;
      if (killed) this.#outcome.recoveryPoints++;
    }
  }

  #kill(name: string, operation: PoolOperation, point: number): boolean {
    return this.#forked.killAfter(
      point,
      () => operation.begin(this.#subject.Segment.open({ name })),
      (run) => run(),
    );
  }

  #fail(where: string, error: unknown): void {
    this.#outcome.failures.push(`${this.#scene.name}, ${where}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Most recoveries execute more stores than this. */
const SOME_STORES = 12;
