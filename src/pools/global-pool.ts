import { ShmTableError } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import {
  GLOBAL_POOL_MAGIC,
  HEADER_BYTES,
  HEADER_MAGIC,
  HEADER_PAGE_BYTES,
  HEADER_PAGES,
  HEADER_POSITION,
  MAX_UNITS,
  UNIT_BYTES,
} from './global-pool-layout.js';
import { checkInteger, checkOffset, checkRoom, type PoolMemory, type PoolStats, wordsOf } from './pool-memory.js';

export interface GlobalPoolOptions {
  /** Bytes of a page, and with it of the largest request: 1 .. 2^31-1. */
  readonly pageBytes: number;
  /** Where in the segment the pool begins, in bytes; a multiple of 64. Default 0. It takes all that is behind. */
  readonly offset?: number | undefined;
}

const MAX_PAGE_BYTES = 2 ** 31 - 1;

/**
 * Shared memory for what lives as long as its segment: allocations of any size up to a page, which never move and are
 * never given back.
 *
 * Pages come into use one after the other, as far as the segment reached when the pool was made. The pool does not grow
 * its segment: growing detaches every view of the old buffer, in all processes, so that what was allocated would have
 * moved from under whoever holds a view of it.
 *
 * An allocation is one compare-and-swap. A process killed before it has taken nothing; killed after it, the bytes are
 * used and stay zero. What is to be found by others should be written first and then linked by one store of its offset
 * (as `MetricRegistry` does): then nobody ever sees half an entry.
 *
 * Thread safety: every method may be called from any process or thread at once, but for `create` and `destroy`.
 */
export class GlobalPool {
  /** The largest request, in bytes. */
  readonly pageBytes: number;
  readonly #words: Int32Array;
  /** First word of the header. */
  readonly #header: number;
  /** Where page 1 begins, in bytes. */
  readonly #firstPage: number;
  readonly #pageUnits: number;
  readonly #units: number;

  private constructor(buffer: ArrayBuffer, offset: number, pageBytes: number, pages: number) {
    this.pageBytes = pageBytes;
    this.#words = wordsOf(buffer);
    this.#header = offset / 4;
    this.#firstPage = offset + HEADER_BYTES;
    this.#pageUnits = unitsOf(pageBytes);
    this.#units = pages * this.#pageUnits;
  }

  /**
   * Lays a pool over zeroed memory, from `offset` to the end of the segment or 16 GiB of it. `ERR_ARGUMENT` for a bad
   * option, `ERR_POOL_FULL` when not even one page fits. O(1): no page is touched.
   */
  static create(segment: PoolMemory, options: GlobalPoolOptions): GlobalPool {
    checkOptions(options, ['pageBytes', 'offset']);
    const { pageBytes, offset = 0 } = options;
    checkInteger('pageBytes', pageBytes, 1, MAX_PAGE_BYTES);
    checkOffset(offset);
    const buffer = segment.buffer;
    checkRoom(
      buffer,
      offset,
      HEADER_BYTES + unitsOf(pageBytes) * UNIT_BYTES,
      `a pool with a page of ${pageBytes} bytes`,
    );
    const pages = pagesIn(buffer.byteLength - offset, pageBytes);
    const pool = new GlobalPool(buffer, offset, pageBytes, pages);
    pool.#words[pool.#header + HEADER_PAGE_BYTES] = pageBytes;
    pool.#words[pool.#header + HEADER_PAGES] = pages;
    pool.#words[pool.#header + HEADER_POSITION] = 0;
    Atomics.store(pool.#words, pool.#header + HEADER_MAGIC, GLOBAL_POOL_MAGIC);
    return pool;
  }

  /** A pool that was created at this offset before. `ERR_ARGUMENT` when there is none. O(1). */
  static open(segment: PoolMemory, offset = 0): GlobalPool {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + HEADER_BYTES <= buffer.byteLength) {
      const header = new Int32Array(buffer, offset, HEADER_BYTES / 4);
      const pageBytes = header[HEADER_PAGE_BYTES];
      const pages = header[HEADER_PAGES];
      const sound = Atomics.load(header, HEADER_MAGIC) === GLOBAL_POOL_MAGIC && pageBytes > 0 && pages > 0;
      if (sound && pages <= pagesIn(buffer.byteLength - offset, pageBytes)) {
        return new GlobalPool(buffer, offset, pageBytes, pages);
      }
    }
    throw new ShmTableError('ERR_ARGUMENT', `there is no GlobalPool at offset ${offset}`);
  }

  /**
   * Takes that many bytes for ever and returns their byte offset in the segment, aligned to 8; they are as the pool was
   * made over them: zero. 0 when
   * neither the rest of the page in use nor another page has room: a smaller request may still find some.
   * `ERR_ARGUMENT` for a request over `pageBytes`. O(1).
   */
  alloc(bytes: number): number {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > this.pageBytes) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `bytes must be an integer from 1 to the ${this.pageBytes} of a page (pageBytes), got ${bytes}`,
      );
    }
    const units = unitsOf(bytes);
    const position = this.#header + HEADER_POSITION;
    for (;;) {
      // Unsigned: damaged beyond the end it gives 0 and nothing in front of the pool.
      const at = Atomics.load(this.#words, position) >>> 0;
      const rest = this.#pageUnits - (at % this.#pageUnits);
      const start = units <= rest ? at : at + rest;
      if (start + units > this.#units) return 0;
      if (Atomics.compareExchange(this.#words, position, at, start + units) === at) {
        return this.#firstPage + start * UNIT_BYTES;
      }
    }
  }

  /**
   * Bytes: `total` of all pages, of which `used` are handed out, the skipped ends of pages included, and `spare` are
   * untouched. O(1).
   */
  stats(): PoolStats {
    const used = Atomics.load(this.#words, this.#header + HEADER_POSITION) * UNIT_BYTES;
    const total = this.#units * UNIT_BYTES;
    return { total, used, spare: total - used };
  }

  /** Makes the memory no pool any more: `open` refuses it. What was allocated stays as it is. */
  destroy(): void {
    Atomics.store(this.#words, this.#header + HEADER_MAGIC, 0);
  }
}

function unitsOf(bytes: number): number {
  return Math.ceil(bytes / UNIT_BYTES);
}

/** Whole pages in so many bytes, as many as `position` can count. */
function pagesIn(bytes: number, pageBytes: number): number {
  const units = Math.min(MAX_UNITS, Math.floor((bytes - HEADER_BYTES) / UNIT_BYTES));
  return Math.floor(units / unitsOf(pageBytes));
}
