import { LINKED } from '../../pools/fixed-pool-layout.js';
import type { Writer } from '../hot/write.js';
import { ROW_HASH } from '../layout/row.js';
import { CLOCK_HAND } from '../layout/segment.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { RowNumber, WordIndex } from '../layout/units.js';

/**
 * Rounds of the hand over all rows before giving up: the first may clear every byte, the second then finds the victim.
 */
const ROUNDS = 3;

/**
 * Makes room in a full table by approximate least recent use: the clock algorithm (Corbató, 1968), with one byte a row.
 *
 * Reading or changing a row sets its byte if that is clear. A new row begins with a clear byte, so that rows which are
 * never used again are evicted first. The hand, shared by all processes, goes round the row slices, clears the bytes
 * that are set and evicts the first row whose byte is clear. A byte is only a hint how recently a row was used: a lost
 * or late store does no harm.
 */
export class Evictor {
  readonly #memory: TableMemory;
  readonly #uses: Uint8Array;
  readonly #writer: Writer;

  constructor(memory: TableMemory, uses: Uint8Array, writer: Writer) {
    this.#memory = memory;
    this.#uses = uses;
    this.#writer = writer;
  }

  /**
   * Evicts one of the rows for which `mayGo` is true, given their first word; false if others kept all of them in use.
   * Amortised O(1).
   */
  evictOne(mayGo?: (row: WordIndex) => boolean): boolean {
    const { words, rowSlices } = this.#memory;
    for (let i = 0; i < ROUNDS * rowSlices; i++) {
      const row = (((Atomics.add(words, CLOCK_HAND, 1) >>> 0) % rowSlices) + 1) as RowNumber;
      if (this.#uses[row] !== 0) {
        this.#uses[row] = 0;
        continue;
      }
      if (this.#memory.rows.ownerOf(row) !== LINKED) continue;
      const at = this.#memory.rowWord(row);
      if (mayGo !== undefined && !mayGo(at)) continue;
      const hash = words[at + ROW_HASH];
      if (this.#writer.evict(this.#memory.bucketOf(hash), row)) return true;
    }
    return false;
  }
}
