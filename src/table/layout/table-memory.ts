import { ShmTableError } from '../../errors.js';
import { FixedPool } from '../../pools/fixed-pool.js';
import { Occupancy } from '../../pools/occupancy.js';
import { BUCKET_WORDS, LOCK } from './bucket.js';
import { ROW_EPOCH, ROW_REVISION } from './row.js';
import { CREATED_AT, HASH_KEY, OVERFLOW_SLICE_BYTES, REVISION_BASE, type SegmentLayout } from './segment.js';
import { SLOT_WORDS } from './slot.js';
import type { BucketNumber, OverflowNumber, RowNumber, WordIndex } from './units.js';

/**
 * The positions of a table's parts in memory, which the compiled hot code treats as constants. All in words, except the
 * counts.
 */
export interface Addresses {
  readonly index: number;
  /** Home buckets / 2^32, exact. */
  readonly bucketScale: number;
  /** Where overflow bucket 0 would be: they count from 1, as rows do. */
  readonly overflow: number;
  readonly overflowBuckets: number;
  readonly rows: number;
  readonly rowWords: number;
  readonly rowSlices: number;
  /** Offset of a row's key from the row's first word. */
  readonly key: number;
  /** Where the table entry and the payload of block 0 of the heap would be, in words: blocks count from 1. */
  readonly heapTable: number;
  readonly heapPayload: number;
}

/**
 * The memory of a mapped table segment: views of it, its two pools, and the positions of buckets, rows and slots.
 *
 * Positions in memory are word indexes (byte offset / 4): numbers, never pointers, and valid beyond 4 GiB.
 */
export class TableMemory {
  readonly layout: SegmentLayout;
  readonly words: Int32Array;
  readonly halves: Uint16Array;
  readonly bytes: Buffer;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
  readonly buffer: ArrayBuffer;
  readonly rows: FixedPool;
  readonly overflow: FixedPool;
  readonly homeBuckets: number = 0;
  readonly rowSlices: number = 0;
  /** One byte a row, set when the row is used; undefined for a table that does not evict. */
  readonly uses: Uint8Array | undefined;
  /** Which blocks of the heap are taken; undefined for a table without long columns. */
  readonly heapBits: Occupancy | undefined;
  /** homeBuckets / 2^32, exact. */
  readonly #bucketScale: number = 0;
  readonly #indexWord: number = 0;
  readonly #participantsWord: number = 0;
  readonly #overflowWord: number = 0;
  readonly #rowsWord: number = 0;
  readonly #rowWords: number = 0;

  private constructor(buffer: ArrayBuffer, layout: SegmentLayout, rows: FixedPool, overflow: FixedPool) {
    this.layout = layout;
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.bytes = Buffer.from(buffer);
    this.doubles = new Float64Array(buffer);
    this.longs = new BigInt64Array(buffer);
    this.rows = rows;
    this.overflow = overflow;
    this.homeBuckets = layout.homeBuckets;
    this.#bucketScale = layout.homeBuckets / 0x1_0000_0000;
    this.rowSlices = layout.rowSlices;
    this.uses = layout.usesBytes === 0 ? undefined : new Uint8Array(buffer, layout.usesAt, layout.usesBytes);
    this.#indexWord = layout.indexAt / 4;
    this.#participantsWord = layout.participantsAt / 4;
    const { heap } = layout;
    this.heapBits = heap === undefined ? undefined : new Occupancy(this.words, heap.bitsAt / 4, heap.blocks);
    // Slices are numbered from 1.
    this.#overflowWord = overflow.sliceOffset(1) / 4 - BUCKET_WORDS;
    this.#rowWords = layout.row.rowBytes / 4;
    this.#rowsWord = rows.sliceOffset(1) / 4 - this.#rowWords;
  }

  /** Initialises both pools in zeroed memory. Each participant's first spare is kept out of the pool of rows. */
  static create(buffer: ArrayBuffer, layout: SegmentLayout): TableMemory {
    const overflow = FixedPool.create(
      { buffer },
      { offset: layout.overflowAt, slices: layout.overflowBuckets, sliceBytes: OVERFLOW_SLICE_BYTES },
    );
    const rows = FixedPool.create(
      { buffer },
      { offset: layout.rowsAt, slices: layout.rowSlices, sliceBytes: layout.row.sliceBytes },
    );
    rows.reserve(layout.schema.maxParticipants);
    const memory = new TableMemory(buffer, layout, rows, overflow);
    memory.heapBits?.initialise();
    return memory;
  }

  /** `ERR_TABLE_CORRUPT` when the pools' headers are damaged. */
  static open(buffer: ArrayBuffer, layout: SegmentLayout): TableMemory {
    const rows = openPool(buffer, layout.rowsAt, layout.rowSlices, layout.row.sliceBytes);
    const overflow = openPool(buffer, layout.overflowAt, layout.overflowBuckets, OVERFLOW_SLICE_BYTES);
    return new TableMemory(buffer, layout, rows, overflow);
  }

  /**
   * Distinguishes this segment from all others, and is the same in all of its mappings: its time of creation and its
   * random seed.
   */
  get identity(): string {
    return `${this.doubles[CREATED_AT / 2]}.${this.words.subarray(HASH_KEY, HASH_KEY + 4).join('.')}`;
  }

  get addresses(): Addresses {
    const { heap } = this.layout;
    return {
      index: this.#indexWord,
      bucketScale: this.#bucketScale,
      overflow: this.#overflowWord,
      overflowBuckets: this.overflow.slices,
      rows: this.#rowsWord,
      rowWords: this.#rowWords,
      rowSlices: this.rowSlices,
      key: this.layout.row.keyOffset / 4,
      heapTable: heap === undefined ? 0 : heap.tableAt / 4,
      heapPayload: heap === undefined ? 0 : (heap.payloadAt - heap.blockBytes) / 4,
    };
  }

  /** Home bucket number of a hash: its high bits, scaled to the number of buckets. */
  bucketOf(hash: number): BucketNumber {
    return (((hash >>> 0) * this.#bucketScale) >>> 0) as BucketNumber;
  }

  /** First word of a home bucket. */
  homeWord(bucket: BucketNumber): WordIndex {
    return (this.#indexWord + bucket * BUCKET_WORDS) as WordIndex;
  }

  /** Whether the lock of a home bucket is held at this moment. */
  isLocked(bucket: BucketNumber): boolean {
    return Atomics.load(this.words, this.homeWord(bucket) + LOCK) !== 0;
  }

  /** First word of an overflow bucket, numbered from 1. */
  overflowWord(number: OverflowNumber): WordIndex {
    return (this.#overflowWord + number * BUCKET_WORDS) as WordIndex;
  }

  /** First word of a row, numbered from 1. */
  rowWord(row: RowNumber): WordIndex {
    return (this.#rowsWord + row * this.#rowWords) as WordIndex;
  }

  /** First word of a participant's slot, numbered from 0. */
  slotWord(slot: number): WordIndex {
    return (this.#participantsWord + slot * SLOT_WORDS) as WordIndex;
  }

  /**
   * The revision of the row at this word. Its low word is loaded first, so that the revision is never newer than what
   * is read afterwards.
   */
  revisionAt(row: WordIndex): number {
    const low = Atomics.load(this.words, row + ROW_REVISION) >>> 0;
    return this.revision(this.words[row + ROW_EPOCH], low);
  }

  /** Combines a bucket's epoch and version into a revision. */
  revision(epoch: number, version: number): number {
    return this.doubles[REVISION_BASE / 2] + epoch * 0x1_0000_0000 + (version >>> 0);
  }

  isRow(row: number): row is RowNumber {
    return row > 0 && row <= this.rowSlices;
  }

  isBlock(block: number): boolean {
    return this.layout.heap !== undefined && block > 0 && block <= this.layout.heap.blocks;
  }

  isOverflow(bucket: number): bucket is OverflowNumber {
    return bucket > 0 && bucket <= this.overflow.slices;
  }
}

function openPool(buffer: ArrayBuffer, offset: number, slices: number, sliceBytes: number): FixedPool {
  try {
    const pool = FixedPool.open({ buffer }, offset);
    if (pool.slices === slices && pool.sliceBytes === sliceBytes) return pool;
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
  }
  throw new ShmTableError('ERR_TABLE_CORRUPT', `the pool at offset ${offset} of the table's segment is damaged`);
}
