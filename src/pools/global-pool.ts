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
  /** Size of a page, and so of the largest request, in bytes: 1 .. 2^31-1. */
  readonly pageBytes: number;
  /** Offset of the pool in the segment in bytes, a multiple of 64. Default 0. The pool extends to the segment's end. */
  readonly offset?: number | undefined;
}

const MAX_PAGE_BYTES = 2 ** 31 - 1;

/**
 * An allocator for data that live as long as their segment: allocations of any size up to a page, which never move and
 * are never freed.
 *
 * Pages come into use one after another, up to the segment's end at the creation of the pool. The pool does not grow
 * its segment: that would detach every view of the old buffer, in all processes, and so invalidate views of
 * allocations.
 *
 * An allocation is one compare-and-swap. A process killed before it has taken nothing; after it, the bytes are used and
 * stay zero. Write data first and then link them with one store of their offset (as `MetricRegistry` does), so that no
 * process ever sees an incomplete entry.
 *
 * Thread safety: every method except `create` and `destroy` may be called from any process or thread at any time.
 */
export class GlobalPool {
  /** The largest request, in bytes. */
  readonly pageBytes: number;
  readonly #words: Int32Array;
  /** First word of the header. */
  readonly #header: number;
  /** Offset of page 1 in bytes. */
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
   * Creates a pool in zeroed memory, from `offset` to the end of the segment, at most 16 GiB. O(1): no page is touched.
   *
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_POOL_FULL when not even one page fits
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

  /**
   * Opens the pool at an offset. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when there is no pool
   */
  static open(segment: PoolMemory, offset = 0): GlobalPool {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + HEADER_BYTES <= buffer.byteLength) {
      const header = new Int32Array(buffer, offset, HEADER_BYTES / 4);
      const isPool = Atomics.load(header, HEADER_MAGIC) === GLOBAL_POOL_MAGIC;
      const pageBytes = header[HEADER_PAGE_BYTES];
      const pages = header[HEADER_PAGES];
      const sound = isPool && pageBytes > 0 && pages > 0;
      if (sound && pages <= pagesIn(buffer.byteLength - offset, pageBytes)) {
        return new GlobalPool(buffer, offset, pageBytes, pages);
      }
    }
    throw new ShmTableError('ERR_ARGUMENT', `there is no GlobalPool at offset ${offset}`);
  }

  /**
   * Allocates zeroed bytes permanently and returns their byte offset in the segment, aligned to 8; 0 when neither the
   * rest of the current page nor another page has space, although a smaller request may still succeed. O(1).
   *
   * @param bytes 1 .. `pageBytes`
   * @throws {ShmTableError} ERR_ARGUMENT when `bytes` is out of range
   */
  alloc(bytes: number): number {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > this.pageBytes) {
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `bytes must be an integer from 1 to ${this.pageBytes} (pageBytes), got ${bytes}`,
      );
    }
    const units = unitsOf(bytes);
    const position = this.#header + HEADER_POSITION;
    for (;;) {
      // Unsigned, so that a damaged position gives 0 and never an offset before the pool.
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
   * Counts bytes: `total` of all pages, of which `used` are allocated, including skipped ends of pages, and `spare` are
   * untouched. O(1).
   */
  stats(): PoolStats {
    const used = Atomics.load(this.#words, this.#header + HEADER_POSITION) * UNIT_BYTES;
    const total = this.#units * UNIT_BYTES;
    return { total, used, spare: total - used };
  }

  /** Invalidates the pool, so that `open` no longer finds it. Allocated memory is not changed. */
  destroy(): void {
    Atomics.store(this.#words, this.#header + HEADER_MAGIC, 0);
  }
}

function unitsOf(bytes: number): number {
  return Math.ceil(bytes / UNIT_BYTES);
}

/** Number of whole pages that fit, limited by the range of `position`. */
function pagesIn(bytes: number, pageBytes: number): number {
  const units = Math.min(MAX_UNITS, Math.floor((bytes - HEADER_BYTES) / UNIT_BYTES));
  return Math.floor(units / unitsOf(pageBytes));
}
