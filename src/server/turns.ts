/**
 * Long requests of a worker, in turns with everything else that its event loop has to do. All of them together have one
 * turn of a few milliseconds between two looks at the connections, however many there are.
 */
import { monotonicMs, turn } from '../memory/index.js';

const TURN_MS = 10;

/** What the requests of this thread share. */
const thread = {
  /** Whether a turn is under way: the event loop has not been back since `began`. */
  isUnderWay: false,
  began: 0,
  /** Those who wait for a turn, in order. */
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

  /** Whether other work should have its turn now: also right at the start, when others have used up this one. */
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
