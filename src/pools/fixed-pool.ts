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
  /** Where in the segment the pool begins, in bytes; a multiple of 64. Default 0. */
  readonly offset?: number | undefined;
}

const MAX_SLICES = 2 ** 31 - 1;
const MAX_OWNER = 2 ** 31 - 1;

/**
 * Equal slices of shared memory, taken and given back in O(1) by any number of processes, without a lock.
 *
 * Every slice has an owner word; taking and freeing are one compare-and-swap of it. A process killed at any point
 * leaves a slice either free or with its id as owner, never lost: `settle(id)` frees what a dead owner held.
 * Slices never used cost no resident memory, and `create` does not walk them.
 *
 * Thread safety: every method may be called from any process or thread at once. `create` and `destroy` may not run
 * beside anything else.
 */
export class FixedPool {
  readonly slices: number;
  readonly sliceBytes: number;
  /** Distance from one slice to the next, in bytes. */
  readonly strideBytes: number;
  readonly #words: Int32Array;
  readonly #offset: number;
  /** Where slice 1 begins, in bytes. */
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
   * Lays a pool over zeroed memory. `ERR_ARGUMENT` for a bad option, `ERR_POOL_FULL` when it does not fit.
   * Time grows with neither the number nor the size of the slices.
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

  /** A pool that was created at this offset before. `ERR_ARGUMENT` when there is none. O(1). */
  static open(segment: PoolMemory, offset = 0): FixedPool {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + HEADER_BYTES <= buffer.byteLength) {
      const header = new Int32Array(buffer, offset, HEADER_BYTES / 4);
      const slices = header[HEADER_SLICES];
      const sliceBytes = header[HEADER_SLICE_BYTES];
      const sound = Atomics.load(header, HEADER_MAGIC) === FIXED_POOL_MAGIC && slices > 0 && sliceBytes > 0;
      if (sound && FixedPool.bytesFor(slices, sliceBytes) <= buffer.byteLength - offset) {
        return new FixedPool(buffer, offset, slices, sliceBytes);
      }
    }
    throw new ShmTableError('ERR_ARGUMENT', `there is no FixedPool at offset ${offset}`);
  }

  /** Bytes that a pool takes, a multiple of 64. */
  static bytesFor(slices: number, sliceBytes: number): number {
    return align64(firstSlice(0, slices) + slices * stride(sliceBytes));
  }

  /**
   * Takes a slice for `owner` (an id from 1 to 2^31-1, by default this process's) and returns the byte offset of its
   * payload in the segment, aligned to 8; 0 when none is left. The memory is as its last user left it. `ERR_ARGUMENT`
   * for more bytes than a slice has. O(1); O(slices / 32) when none is left, for then it looks at all bits: a process
   * that stands still inside `alloc` or `free` keeps one slice from others, and no more.
   */
  alloc(bytes: number = this.sliceBytes, owner: number = process.pid): number {
    checkInteger('bytes', bytes, 1, this.sliceBytes);
    checkInteger('owner', owner, 1, MAX_OWNER);
    const slice = this.claim(owner) || this.#claimPastHints(owner);
    return slice === 0 ? 0 : this.sliceOffset(slice) + SLICE_HEADER_BYTES;
  }

  /**
   * Gives a slice back. `ERR_POOL_FOREIGN` for an offset that `alloc` cannot have returned, `ERR_POOL_DOUBLE_FREE`
   * for a slice that is free already. O(1).
   */
  free(offset: number): void {
    const slice = this.#sliceAt(offset);
    const owner = Atomics.load(this.#words, this.#ownerWord(slice));
    if (owner === FREE || !this.release(slice, owner)) {
      throw new ShmTableError('ERR_POOL_DOUBLE_FREE', `the slice at offset ${offset} is free already`);
    }
  }

  /**
   * Declares the slice at `offset` part of a shared structure: it belongs to nobody any more, and `settle` leaves it.
   * A slice allocated and not linked is what a kill may leave with its dead owner.
   */
  link(offset: number): void {
    const slice = this.#sliceAt(offset);
    if (this.ownerOf(slice) === FREE) {
      throw new ShmTableError('ERR_POOL_DOUBLE_FREE', `the slice at offset ${offset} is free: it cannot be linked`);
    }
    this.setOwner(slice, LINKED);
  }

  /**
   * Frees every slice that `owner` took and never linked; for the one who knows that `owner` is dead.
   * Returns how many. O(slices).
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

  /** `total` slices, of which `used` are taken and `spare` are free. O(slices / 32). */
  stats(): PoolStats {
    const used = this.#occupancy.taken();
    return { total: this.slices, used, spare: this.slices - used };
  }

  /** Makes the memory no pool any more: `open` refuses it. Slices in use are lost. */
  destroy(): void {
    Atomics.store(this.#words, this.#offset / 4 + HEADER_MAGIC, 0);
  }

  // ---- by slice number, for structures that keep a journal ----

  /** Where a slice begins (its owner word), in bytes. */
  sliceOffset(slice: number): number {
    return this.#firstSlice + (slice - 1) * this.strideBytes;
  }

  /**
   * Takes a slice and returns its number, 0 when none seems left: the hints may be wrong on the path of a slice that
   * somebody is at work with. Before it tries for a slice, or puts the hints on its path right, it writes the number to
   * `journal`, a word of its owner's: killed or stopped right after, the owner's journal names what it may hold or hide.
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
      // Lost: the winner may have been stopped before it set the bit; without our doing it we would come here again.
      this.#occupancy.sync(bit, this.#ownerWord(slice));
      if (won) return slice;
    }
  }

  #claimPastHints(owner: number): number {
    this.#occupancy.repair();
    return this.claim(owner);
  }

  /** Whether `claim` is worth a try. */
  get seemsToHaveRoom(): boolean {
    return this.#occupancy.findFree() !== -1;
  }

  /** Frees a slice that has exactly this owner; false when it has another. */
  release(slice: number, owner: number): boolean {
    if (Atomics.compareExchange(this.#words, this.#ownerWord(slice), owner, FREE) !== owner) return false;
    this.#occupancy.sync(slice - 1, this.#ownerWord(slice));
    return true;
  }

  /** Repeats what a killed or stopped process may not have finished of `claim` or `release`. */
  resync(slice: number): void {
    this.#occupancy.sync(slice - 1, this.#ownerWord(slice), true);
  }

  /** `resync` for a slice that may be a reserved one, whose bit stays set though nobody owns it. */
  resyncPath(slice: number): void {
    this.#occupancy.syncPath(slice - 1);
  }

  /** 0, an owner's id, or LINKED. */
  ownerOf(slice: number): number {
    return Atomics.load(this.#words, this.#ownerWord(slice));
  }

  /** Hands a slice over. Only for whoever holds it, or guards the structure that it is linked into. */
  setOwner(slice: number, owner: number): void {
    Atomics.store(this.#words, this.#ownerWord(slice), owner);
  }

  /** Keeps the first `count` slices out of `claim`'s reach without touching them. Before anybody else sees the pool. */
  reserve(count: number): void {
    this.#occupancy.reserve(count);
  }

  isTaken(slice: number): boolean {
    return this.#occupancy.isTaken(slice - 1);
  }

  /** What is wrong with the hints while nobody writes. O(slices / 32). */
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
      throw new ShmTableError('ERR_POOL_FOREIGN', `offset ${offset} is no slice of this pool`);
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
