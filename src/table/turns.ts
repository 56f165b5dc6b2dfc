/**
 * Long work that takes turns with the thread's other work, so that other work waits for one turn and not for all of it.
 */
import { monotonicMs, turn } from '../memory/index.js';

const TURN_MS = 10;

export class Turns {
  readonly #turnMs: number;
  #began = monotonicMs();
  #spentMs = 0;

  constructor(turnMs = TURN_MS) {
    this.#turnMs = turnMs;
  }

  /** Whether other work should have its turn now. */
  get isOver(): boolean {
    return monotonicMs() - this.#began >= this.#turnMs;
  }

  /** Milliseconds of work in the turns that have ended. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Gives other work a turn. */
  async next(): Promise<void> {
    this.#spentMs += monotonicMs() - this.#began;
    await turn();
    this.#began = monotonicMs();
  }
}
