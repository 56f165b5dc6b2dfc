/**
 * Long work in turns with whatever else the thread does: who asks for something meanwhile waits for one turn and not for
 * all of it.
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

  /** Whether it is time for the others. */
  get isOver(): boolean {
    return monotonicMs() - this.#began >= this.#turnMs;
  }

  /** Milliseconds of work in the turns that have ended. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Lets the others have a turn. */
  async next(): Promise<void> {
    this.#spentMs += monotonicMs() - this.#began;
    await turn();
    this.#began = monotonicMs();
  }
}
