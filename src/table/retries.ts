import { ShmTableError } from '../errors.js';
import { monotonicMs } from '../memory/index.js';

/** Tries that others may spoil whatever the time: a process that is not given a processor has not had its chance. */
const MIN_TRIES = 1_000;
/** Tries that a callback may spoil by writing the row that it is asked about. One that writes it once needs two. */
const MAX_SPOILED = 10;

/**
 * The tries of a compare-and-set loop. Each that fails because of others means that one of them got its write through, so
 * that all together get on; but one whose callback takes long beside quick writers may never have its turn. It goes on
 * for the lock timeout, and for 1,000 tries at least.
 */
export class Retries {
  readonly #what: string;
  readonly #timeoutMs: number;
  readonly #began = monotonicMs();
  #tries = 0;
  #spoiled = 0;

  /** `what` is how messages name the operation: `modify of key "k"`. */
  constructor(what: string, timeoutMs: number) {
    this.#what = what;
    this.#timeoutMs = timeoutMs;
  }

  /** After a try that somebody spoiled: whether it was the callback itself. `ERR_ARGUMENT` or `ERR_LOCK_TIMEOUT`. */
  next(byItself: boolean): void {
    this.#tries++;
    if (byItself && ++this.#spoiled >= MAX_SPOILED) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `${this.#what} was tried ${this.#tries} times, and ${this.#spoiled} times its callback itself wrote the row, the ` +
          `limit: a callback returns what is to be written, and leaves the row alone`,
      );
    }
    if (this.#tries < MIN_TRIES) return;
    const ms = monotonicMs() - this.#began;
    if (ms < this.#timeoutMs) return;
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `${this.#what} was tried ${this.#tries} times in ${Math.round(ms)} ms, and each time somebody else wrote the row in ` +
        `between; the limit is ${MIN_TRIES} times and ${this.#timeoutMs} ms`,
    );
  }
}
