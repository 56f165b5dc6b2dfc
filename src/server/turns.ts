/**
 * Long work of one request, in turns with the other requests of its worker: whoever asks for `/healthz` meanwhile, or
 * for a row, waits for one turn and not for all of it.
 */
import { monotonicMs, turn } from '../memory/index.js';

const TURN_MS = 10;

export class Turns {
  #began = monotonicMs();
  #spentMs = 0;

  /** Whether it is time for the others. */
  get isOver(): boolean {
    return monotonicMs() - this.#began >= TURN_MS;
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
