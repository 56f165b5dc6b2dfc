import { ShmTableError } from '../errors.js';
import { monotonicMs } from '../memory/index.js';

/**
 * Failed attempts that are always allowed, however long they take: a process without processor time must not give up
 * early.
 */
const MIN_TRIES = 1_000;
/**
 * Attempts that a callback may spoil by writing the very row that it was given. A callback that writes it once needs
 * two attempts.
 */
const MAX_SPOILED = 10;

/**
 * The attempts of a compare-and-set loop. An attempt that fails because of another writer means that the other one
 * succeeded, so there is always progress; but a writer with a slow callback may never succeed while fast ones write. It
 * continues for the lock timeout, and for at least 1,000 attempts.
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

  /**
   * Called after a failed attempt; `byItself`: the callback itself wrote the row. `ERR_ARGUMENT` or `ERR_LOCK_TIMEOUT`.
   */
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
      `${this.#what} was tried ${this.#tries} times in ${Math.round(ms)} ms, and each time another writer changed the row in ` +
        `between; the limit is ${MIN_TRIES} times and ${this.#timeoutMs} ms`,
    );
  }
}
