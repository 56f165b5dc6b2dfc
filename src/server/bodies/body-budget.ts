import { ShmTableError } from '../../errors.js';

/** Twice the largest row, and 32 of the largest batches. */
const MAX_BYTES = 128 * 1024 * 1024;

/**
 * Limits the bytes of all bodies that arrive, or whose requests are being executed, so that neither many slow clients nor
 * many requests that wait for a cluster can take all memory. Small bodies do not count.
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
        `the bodies of all unfinished requests to this worker may have at most ${this.#maxBytes} bytes together`,
      );
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Counts the bytes of a body that has arrived until its request has been executed. */
  during<T>(bytes: number, execute: () => T): T {
    this.#bytes += bytes;
    let isWaiting = false;
    try {
      const result = execute();
      if (!(result instanceof Promise)) return result;
      isWaiting = true;
      const ended = (): void => this.release(bytes);
      result.then(ended, ended);
      return result;
    } finally {
      if (!isWaiting) this.release(bytes);
    }
  }
}
