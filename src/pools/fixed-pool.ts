import { ShmTableError } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import {
  FIXED_POOL_MAGIC,
  FREE,
  HEADER_BYTES,
  HEADER_MAGIC,
  HEADER_SLICE_BYTES,
  HEADER_SLICES,
  LINKED,
  SLICE_HEADER_BYTES,
  SLICE_OWNER,
} from './fixed-pool-layout.js';
import { Occupancy } from './occupancy.js';
import {
  align64,
  checkInteger,
  checkOffset,
  checkRoom,
  type PoolMemory,
  type PoolStats,
  wordsOf,
} from './pool-memory.js';

export interface FixedPoolOptions {
  /** Number of slices, 1 .. 2^31-1. */
  readonly slices: number;
  /** Payload bytes of a slice, at least 1. */
  readonly sliceBytes: number;
  /** Offset of the pool in the segment in bytes, a multiple of 64. Default 0. */
  readonly offset?: number | undefined;
}

const MAX_SLICES = 2 ** 31 - 1;
const MAX_OWNER = 2 ** 31 - 1;

/**
 * Slices of equal size in shared memory, allocated and freed in O(1) by any number of processes, without a lock.
 *
 * Every slice has an owner word; allocating and freeing are one compare-and-swap of it. A process killed at any point
 * leaves a slice either free or with its id as owner, never lost: `settle(id)` frees the slices of a dead owner.
 * Slices that were never used take no resident memory, and `create` does not access them.
 *
 * Thread safety: every method may be called from any process or thread at any time, except that `create` and `destroy`
 * must not run concurrently with anything else.
 */
export class FixedPool {
  readonly slices: number;
  readonly sliceBytes: number;
  /** Distance from one slice to the next, in bytes. */
  readonly strideBytes: number;
  readonly #words: Int32Array;
  readonly #offset: number;
  /** Offset of slice 1 in bytes. */
  readonly #firstSlice: number;
  readonly #occupancy: Occupancy;

  private constructor(buffer: ArrayBuffer, offset: number, slices: number, sliceBytes: number) {
    this.slices = slices;
    this.sliceBytes = sliceBytes;
    this.strideBytes = stride(sliceBytes);
    this.#offset = offset;
    this.#words = wordsOf(buffer);
    this.#firstSlice = firstSlice(offset, slices);
    this.#occupancy = new Occupancy(this.#words, (offset + HEADER_BYTES) / 4, slices);
  }

  /**
   * Creates a pool in zeroed memory. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_POOL_FULL when the pool does not fit into the segment
   */
  static create(segment: PoolMemory, options: FixedPoolOptions): FixedPool {
    checkOptions(options, ['slices', 'sliceBytes', 'offset']);
    const { slices, sliceBytes, offset = 0 } = options;
    checkInteger('slices', slices, 1, MAX_SLICES);
    checkInteger('sliceBytes', sliceBytes, 1, MAX_SLICES);
    checkOffset(offset);
    const buffer = segment.buffer;
    checkRoom(
      buffer,
      offset,
      FixedPool.bytesFor(slices, sliceBytes),
      `a pool of ${slices} slices of ${sliceBytes} bytes`,
    );
    const pool = new FixedPool(buffer, offset, slices, sliceBytes);
    const header = offset / 4;
    pool.#words[header + HEADER_SLICES] = slices;
    pool.#words[header + HEADER_SLICE_BYTES] = sliceBytes;
    pool.#occupancy.initialise();
    Atomics.store(pool.#words, header + HEADER_MAGIC, FIXED_POOL_MAGIC);
    return pool;
  }

  /**
   * Opens the pool at an offset. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when there is no pool
   */
  static open(segment: PoolMemory, offset = 0): FixedPool {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + HEADER_BYTES <= buffer.byteLength) {
      const header = new Int32Array(buffer, offset, HEADER_BYTES / 4);
      const isPool = Atomics.load(header, HEADER_MAGIC) === FIXED_POOL_MAGIC;
      const slices = header[HEADER_SLICES];
      const sliceBytes = header[HEADER_SLICE_BYTES];
      const sound = isPool && slices > 0 && sliceBytes > 0;
      if (sound && FixedPool.bytesFor(slices, sliceBytes) <= buffer.byteLength - offset) {
        return new FixedPool(buffer, offset, slices, sliceBytes);
      }
    }
    throw new ShmTableError('ERR_ARGUMENT', `there is no FixedPool at offset ${offset}`);
  }

  /** Returns the size of a pool in bytes, a multiple of 64. */
  static bytesFor(slices: number, sliceBytes: number): number {
    return align64(firstSlice(0, slices) + slices * stride(sliceBytes));
  }

  /**
   * Allocates a slice and returns the byte offset of its payload in the segment, aligned to 8; 0 when none is left. The
   * memory has the contents that its last user left in it. O(1); O(slices / 32) when none is left, because it then
   * checks all bits: a process stopped inside `alloc` or `free` withholds at most one slice from others.
   *
   * @param owner an id in 1 .. 2^31-1, by default the process id
   * @throws {ShmTableError} ERR_ARGUMENT when `bytes` is more than a slice has, or `owner` is out of range
   */
  alloc(bytes: number = this.sliceBytes, owner: number = process.pid): number {
    checkInteger('bytes', bytes, 1, this.sliceBytes);
    checkInteger('owner', owner, 1, MAX_OWNER);
    const slice = this.claim(owner) || this.#claimPastHints(owner);
    return slice === 0 ? 0 : this.sliceOffset(slice) + SLICE_HEADER_BYTES;
  }

  /**
   * Frees a slice. O(1).
   *
   * @throws {ShmTableError} ERR_POOL_FOREIGN when `alloc` cannot have returned the offset
   * @throws {ShmTableError} ERR_POOL_DOUBLE_FREE when the slice is already free
   */
  free(offset: number): void {
    const slice = this.#sliceAt(offset);
    const owner = Atomics.load(this.#words, this.#ownerWord(slice));
    if (owner === FREE || !this.release(slice, owner)) {
      throw new ShmTableError('ERR_POOL_DOUBLE_FREE', `the slice at offset ${offset} is already free`);
    }
  }

  /**
   * Declares the slice at `offset` part of a shared structure: it no longer has an owner, and `settle` does not free
   * it. A slice that is allocated but not linked still belongs to its owner after the owner was killed. O(1).
   *
   * @throws {ShmTableError} ERR_POOL_FOREIGN when `alloc` cannot have returned the offset
   * @throws {ShmTableError} ERR_POOL_DOUBLE_FREE when the slice is free
   */
  link(offset: number): void {
    const slice = this.#sliceAt(offset);
    if (this.ownerOf(slice) === FREE) {
      throw new ShmTableError('ERR_POOL_DOUBLE_FREE', `the slice at offset ${offset} is free: it cannot be linked`);
    }
    this.setOwner(slice, LINKED);
  }

  /**
   * Frees every slice that `owner` allocated but did not link. The caller must know that `owner` is dead. O(slices).
   *
   * @returns the number of slices freed
   */
  settle(owner: number): number {
    let freed = 0;
    for (let slice = 1; slice <= this.slices; slice++) {
      const held = this.ownerOf(slice);
      if (held === owner && this.release(slice, owner)) freed++;
      else if ((held !== FREE) !== this.#occupancy.isTaken(slice - 1)) this.resync(slice);
    }
    this.#occupancy.repair();
    return freed;
  }

  /** Counts slices: `total`, of which `used` are allocated and `spare` are free. O(slices / 32). */
  stats(): PoolStats {
    const used = this.#occupancy.taken();
    return { total: this.slices, used, spare: this.slices - used };
  }

  /** Invalidates the pool, so that `open` no longer finds it. Slices in use are lost. */
  destroy(): void {
    Atomics.store(this.#words, this.#offset / 4 + HEADER_MAGIC, 0);
  }

  // ---- by slice number, for structures that keep a journal ----

  /** Offset of a slice (its owner word) in bytes. */
  sliceOffset(slice: number): number {
    return this.#firstSlice + (slice - 1) * this.strideBytes;
  }

  /**
   * Claims a slice and returns its number, 0 when none seems left: the hints may be wrong on the path of a slice that
   * another process is working on. Before it claims a slice, or corrects the hints on its path, it writes the number to
   * `journal`, a word of the owner: if the owner is killed or stopped afterwards, that word names the slice that it may
   * hold or hide.
   */
  claim(owner: number, journal?: number): number {
    for (;;) {
      const bit = this.#occupancy.findFree();
      if (bit === -1) {
        if (journal !== undefined) this.#words[journal] = 0;
        return 0;
      }
      if (bit < 0) {
        if (journal !== undefined) this.#words[journal] = -1 - bit;
        this.resyncPath(-1 - bit);
        continue;
      }
      const slice = bit + 1;
      if (journal !== undefined) this.#words[journal] = slice;
      const won = Atomics.compareExchange(this.#words, this.#ownerWord(slice), FREE, owner) === FREE;
      // Another process took it, and may have been stopped before it set the bit. Set it here, or this loop would find
      // it again.
      this.#occupancy.sync(bit, this.#ownerWord(slice));
      if (won) return slice;
    }
  }

  #claimPastHints(owner: number): number {
    this.#occupancy.repair();
    return this.claim(owner);
  }

  /** Whether `claim` may succeed. */
  get seemsToHaveRoom(): boolean {
    return this.#occupancy.findFree() !== -1;
  }

  /** Frees a slice if it has this owner; returns false when it has another. */
  release(slice: number, owner: number): boolean {
    if (Atomics.compareExchange(this.#words, this.#ownerWord(slice), owner, FREE) !== owner) return false;
    this.#occupancy.sync(slice - 1, this.#ownerWord(slice));
    return true;
  }

  /** Repeats the steps of `claim` or `release` that a killed or stopped process may not have completed. */
  resync(slice: number): void {
    this.#occupancy.sync(slice - 1, this.#ownerWord(slice), true);
  }

  /** `resync` for a slice that may be reserved: its bit stays set although it has no owner. */
  resyncPath(slice: number): void {
    this.#occupancy.syncPath(slice - 1);
  }

  /** Returns the owner word: 0, an owner's id, or LINKED. */
  ownerOf(slice: number): number {
    return Atomics.load(this.#words, this.#ownerWord(slice));
  }

  /** Changes the owner of a slice. Only for its holder, or the holder of the lock of the structure that links it. */
  setOwner(slice: number, owner: number): void {
    Atomics.store(this.#words, this.#ownerWord(slice), owner);
  }

  /** Excludes the first `count` slices from `claim` without touching them. Before any other process sees the pool. */
  reserve(count: number): void {
    this.#occupancy.reserve(count);
  }

  isTaken(slice: number): boolean {
    return this.#occupancy.isTaken(slice - 1);
  }

  /** Yields inconsistencies of the hints. Only meaningful while no process writes. O(slices / 32). */
  *problems(): Generator<string> {
    for (const { level, word } of this.#occupancy.disagreements()) {
      yield `occupancy level ${level} word ${word} disagrees with the level above`;
    }
  }

  #ownerWord(slice: number): number {
    return this.sliceOffset(slice) / 4 + SLICE_OWNER;
  }

  #sliceAt(offset: number): number {
    const slice = (offset - SLICE_HEADER_BYTES - this.#firstSlice) / this.strideBytes + 1;
    if (!Number.isInteger(slice) || slice < 1 || slice > this.slices) {
      throw new ShmTableError('ERR_POOL_FOREIGN', `offset ${offset} is not that of a slice of this pool`);
    }
    return slice;
  }
}

function stride(sliceBytes: number): number {
  return Math.ceil((sliceBytes + SLICE_HEADER_BYTES) / 8) * 8;
}

function firstSlice(offset: number, slices: number): number {
  return offset + align64(HEADER_BYTES + Occupancy.bytesFor(slices));
}
