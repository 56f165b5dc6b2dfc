import { ShmTableError } from '../../errors.js';

/** Twice the largest row, and 32 of the largest batches. */
const MAX_BYTES = 128 * 1024 * 1024;

/**
 * Limits the bytes of all bodies that have begun to arrive but are not complete, so that many slow clients cannot take
 * all memory. Small bodies do not count.
 */
export class BodyBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param bodyBytes the limit of one body; at least two of them fit */
  constructor(bodyBytes: number) {
    this.#maxBytes = Math.max(MAX_BYTES, 2 * bodyBytes);
  }

  /** @throws {ShmTableError} ERR_RATE_LIMITED */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new ShmTableError(
        'ERR_RATE_LIMITED',
        `the unfinished bodies of all requests to this worker may have at most ${this.#maxBytes} bytes together`,
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
