/**
 * Lets long requests of a worker yield to other work of its event loop. All long requests together have one turn of a
 * few milliseconds between two polls of the connections, however many requests there are.
 */
import { monotonicMs, turn } from '../memory/index.js';

const TURN_MS = 10;

/** State that the requests of this thread share. */
const thread = {
  /** Whether a turn is in progress: the event loop has not run since `began`. */
  isUnderWay: false,
  began: 0,
  /** Requests that wait for a turn, in order. */
  waiting: [] as (() => void)[],
};

function begin(): void {
  thread.isUnderWay = true;
  thread.began = monotonicMs();
  void turn().then(() => {
    thread.isUnderWay = false;
    const next = thread.waiting.shift();
    if (next === undefined) return;
    begin();
    next();
  });
}

/** The work of one request. */
export class Turns {
  #began: number = monotonicMs();
  #spentMs: number = 0;

  /** Whether to yield now; may be true at the start, if other requests have used up the turn. */
  get isOver(): boolean {
    if (!thread.isUnderWay) begin();
    return monotonicMs() - thread.began >= TURN_MS;
  }

  /** Milliseconds of work in the turns that have ended. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Waits for the next turn. */
  async next(): Promise<void> {
    if (!thread.isUnderWay) begin();
    this.#spentMs += monotonicMs() - this.#began;
    await new Promise<void>((resolve) => {
      thread.waiting.push(resolve);
    });
    this.#began = monotonicMs();
  }
}
