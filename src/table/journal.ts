import { ShmTableError } from '../errors.js';
import { constants } from './layout/constants.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, RowNumber, WordIndex } from './layout/units.js';
import type { TableCode } from './table-code.js';

const { slot } = constants;
const { ENTRIES, HOLDER_MASK, LOCK } = constants.bucket;
const { BLOCK_OWNER, BLOCK_TABLE_WORDS } = constants.heap;

/**
 * Carries out an operation from a participant's journal. The writer calls it when everything is prepared. Recovery
 * calls it for a participant that died at any point, and it makes the same stores again, all of final values.
 *
 * Requires: the caller acts for this participant, which holds the lock of the operation's home bucket.
 */
export class Journal {
  readonly #code: TableCode;
  readonly #memory: TableMemory;
  readonly #words: Int32Array;

  constructor(code: TableCode) {
    this.#code = code;
    this.#memory = code.context.memory;
    this.#words = this.#memory.words;
  }

  /** Carries out a PREPARED operation of the slot at word `at`: everything except the release of the lock. */
  carryOut(at: WordIndex, id: number): void {
    this.#code.redo.carryOut(at, id);
  }

  /** Whether the participant `id` holds the lock of the bucket that its journal names. */
  holdsLock(at: WordIndex, id: number): boolean {
    const home = this.#memory.homeWord(this.#words[at + slot.BUCKET] as BucketNumber);
    return (Atomics.load(this.#words, home + LOCK) & HOLDER_MASK) === id;
  }

  /**
   * Finishes the release of a block that was interrupted, and corrects the bits of its word: other blocks of this word
   * may have been released before it. For recovery: repeatable, and before any other release, which changes RELEASING.
   */
  finishRelease(at: WordIndex, id: number): void {
    const spare = this.#words[at + slot.SPARE];
    const rows = [...(this.#memory.isRow(spare) ? [spare] : []), ...this.#unlinkedRow(at, id)];
    this.#code.heap?.finishRelease(
      at,
      id,
      rows.map((row) => this.#memory.rowWord(row)),
    );
    this.#resyncBlock(this.#words[at + slot.RELEASING]);
  }

  /** Frees the chains of a removed row that is not yet free. For recovery: repeatable, and before `freeLeftovers`. */
  freeRemovedChains(at: WordIndex, id: number): void {
    const isRemoved =
      this.#words[at + slot.OPERATION] === slot.REMOVE && this.#words[at + slot.STAGE] === slot.PREPARED;
    if (!isRemoved) return;
    for (const row of this.#unlinkedRow(at, id)) this.#code.heap?.freeRow(at, id, this.#memory.rowWord(row));
  }

  /**
   * The row that the journal names, if it belongs to the participant and is not its spare: an array of one row or none.
   */
  #unlinkedRow(at: WordIndex, id: number): RowNumber[] {
    const row = this.#words[at + slot.ROW];
    const isOwn =
      this.#memory.isRow(row) && row !== this.#words[at + slot.SPARE] && this.#memory.rows.ownerOf(row) === id;
    return isOwn ? [row] : [];
  }

  /** Frees the chains that the spare names and no linked row does, and a claimed block. For recovery: repeatable. */
  freeClaims(at: WordIndex, id: number): void {
    const { heap } = this.#code;
    if (heap === undefined) return;
    const words = this.#words;
    const spare = words[at + slot.SPARE];
    if (this.#memory.isRow(spare)) heap.freeSpare(at, id, this.#memory.rowWord(spare));
    const claiming = words[at + slot.CLAIMING];
    // After the spare's chains: otherwise a block at the end of one would be freed while the chain still refers to it.
    if (claiming !== 0) {
      heap.freeClaimed(claiming, id);
      this.#resyncBlock(claiming);
      words[at + slot.CLAIMING] = 0;
    }
  }

  #resyncBlock(block: number): void {
    const { heapBits, layout, addresses } = this.#memory;
    if (heapBits === undefined || layout.heap === undefined || !this.#memory.isBlock(block)) return;
    const index = (block - 1) >>> 5;
    const owner = addresses.heapTable + (index * 32 + 1) * BLOCK_TABLE_WORDS + BLOCK_OWNER;
    heapBits.syncWord(index, heapBits.bitsOf(index), owner, BLOCK_TABLE_WORDS, true);
  }

  /** Frees the slices that the operation took or unlinked and that are not in use. For recovery: repeatable. */
  freeLeftovers(at: WordIndex, id: number): void {
    const words = this.#words;
    const { rows, overflow } = this.#memory;
    for (const row of [words[at + slot.TAKEN], words[at + slot.ROW]]) {
      if (row !== 0 && row !== words[at + slot.SPARE]) rows.release(row, id);
    }
    const bucket = words[at + slot.OVERFLOW];
    if (bucket !== 0) overflow.release(bucket, id);
    this.resyncNamed(at);
  }

  /**
   * Corrects the pools' hints on the paths of the slices that a journal names. Only hints on the paths of slices that
   * an open journal names can be wrong. Harmless at any time, whatever the journal contains and whichever thread does
   * it.
   */
  resyncNamed(at: WordIndex): void {
    const words = this.#words;
    for (const row of [words[at + slot.TAKEN], words[at + slot.ROW]]) {
      if (!this.#memory.isRow(row)) continue;
      if (this.#isReserved(row)) this.#memory.rows.resyncPath(row);
      else this.#memory.rows.resync(row);
    }
    const bucket = words[at + slot.OVERFLOW];
    if (this.#memory.isOverflow(bucket)) this.#memory.overflow.resync(bucket);
    this.#resyncBlock(words[at + slot.CLAIMING]);
    this.#resyncBlock(words[at + slot.RELEASING]);
  }

  /**
   * Whether a row slice is reserved for the first participant of a slot: the pool never allocates it, although it has
   * no owner.
   */
  #isReserved(row: number): boolean {
    if (row > this.#memory.layout.schema.maxParticipants) return false;
    return this.#words[this.#memory.slotWord(row - 1) + slot.SPARE] === 0;
  }

  /** Throws `ERR_TABLE_CORRUPT` when the journal at `at` names anything that does not exist. */
  check(at: WordIndex): void {
    const words = this.#words;
    const { layout, homeBuckets } = this.#memory;
    const rowOrNone = (row: number): boolean => row === 0 || this.#memory.isRow(row);
    const bucketOrNone = (bucket: number): boolean => bucket === 0 || this.#memory.isOverflow(bucket);
    const position = (entry: number): boolean => entry >= 0 && entry < ENTRIES;
    const field = (offset: number): number => words[at + offset];
    const operation = field(slot.OPERATION);
    const prepared = field(slot.STAGE) === slot.PREPARED;
    const blockOrNone = (block: number): boolean => block === 0 || this.#memory.isBlock(block);
    const least = field(slot.HEAP_OPEN) === 0 ? slot.COMMIT : slot.NONE;
    const sound =
      operation >= least &&
      operation <= slot.STORE &&
      [slot.CLAIMING, slot.RELEASING].every((offset) => blockOrNone(field(offset))) &&
      field(slot.BUCKET) >= 0 &&
      field(slot.BUCKET) < homeBuckets &&
      [slot.SPARE, slot.ROW, slot.OLD, slot.TAKEN, slot.MOVED].every((offset) => rowOrNone(field(offset))) &&
      [slot.OVERFLOW, slot.BEFORE, slot.PLACE, slot.SOURCE].every((offset) => bucketOrNone(field(offset))) &&
      position(field(slot.POSITION)) &&
      position(field(slot.SOURCE_POSITION)) &&
      (!prepared || field(slot.ROW) !== 0) &&
      field(slot.COUNTER) >= 0 &&
      field(slot.COUNTER) < slot.COUNTERS.length &&
      field(slot.COLUMN) >= 0 &&
      field(slot.COLUMN) + Math.min(field(slot.WIDTH), 8) <= layout.row.rowBytes;
    if (!sound) {
      const index = (at - this.#memory.slotWord(0)) / slot.SLOT_WORDS;
      throw new ShmTableError('ERR_TABLE_CORRUPT', `the journal of participant ${index + 1} is damaged`);
    }
  }
}
