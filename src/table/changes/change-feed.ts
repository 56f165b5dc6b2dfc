import { advanceAndWake, loadAfter, type WatchedWord } from '../../memory/index.js';
import * as layout from '../layout/change-feed.js';
import { ROW_KEY_LENGTH } from '../layout/row.js';
import * as slot from '../layout/slot.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { RowNumber } from '../layout/units.js';
import type { Change } from '../types.js';

/** Cells that a producer skips before it considers the feed damaged: other producers cannot make it skip so many. */
const MAX_PASSED = 10_000;

/**
 * What `read` finds at a sequence: a change, nothing yet, a change that is being written, or one that was overwritten.
 */
type FeedRead = Change | 'none' | 'pending' | 'gap';

/**
 * The table's change feed. Publishing is part of carrying out an operation, between its commit and the release of its
 * bucket's lock, and repeatable like the rest of it: recovery publishes the committed change of a killed writer.
 */
export class ChangeFeed {
  readonly cells: number;
  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #doubles: Float64Array;
  /** First word of the header, and of cell 0. */
  readonly #at: number;
  readonly #cellsAt: number;
  readonly #cellWords: number;

  constructor(memory: TableMemory) {
    const { feedAt, feedCells, schema } = memory.layout;
    this.#memory = memory;
    this.#words = memory.words;
    this.#longs = memory.longs;
    this.#doubles = memory.doubles;
    this.#at = feedAt / 4;
    this.#cellsAt = (feedAt + layout.FEED_HEADER_BYTES) / 4;
    this.cells = feedCells;
    this.#cellWords = layout.cellBytes(schema.maxKeyBytes) / 4;
  }

  /** Forgets every change and sets the next sequence. Called only while nobody else sees the memory. */
  beginAt(sequence: number): void {
    this.#words.fill(0, this.#cellsAt, this.#cellsAt + this.cells * this.#cellWords);
    this.#longs[(this.#at + layout.FEED_HEAD) / 2] = BigInt(sequence);
    this.#longs[(this.#at + layout.FEED_FIRST) / 2] = BigInt(sequence);
  }

  /** The first sequence that can be read here. */
  get first(): number {
    return Number(this.#longs[(this.#at + layout.FEED_FIRST) / 2]);
  }

  /** Sequence that the next change will get. */
  get head(): number {
    return Number(Atomics.load(this.#longs, (this.#at + layout.FEED_HEAD) / 2));
  }

  /** Clears the cell of the previous operation from the journal. Called before an operation is PREPARED. */
  prepare(at: number): void {
    this.#doubles[(at + slot.CHANGE) / 2] = 0;
    this.#words[at + slot.CLAIMED] = 0;
  }

  /**
   * Publishes the change of the PREPARED operation in the slot at word `at`: exactly once, however often it is called.
   */
  publish(at: number, id: number): void {
    this.#claim(at, id);
    const words = this.#words;
    const sequence = this.#doubles[(at + slot.CHANGE) >>> 1];
    const cell = this.#cell(sequence);
    const claim = layout.claimOf(layout.lapOf(sequence, this.cells), id);
    const first = Atomics.load(words, cell) === claim;
    if (first) {
      this.#write(cell, sequence, at);
      Atomics.compareExchange(words, cell, claim, layout.published(claim));
    }
    // If it was published before, its publisher may have been killed after clearing the sleepers' word and before
    // waking them.
    this.wake(!first);
  }

  /** Claims a cell for the operation: exactly one, however often it is called. */
  #claim(at: number, id: number): void {
    const words = this.#words;
    const headAt = (this.#at + layout.FEED_HEAD) / 2;
    const tried = this.#doubles[(at + slot.CHANGE) >>> 1];
    // Killed after the claim and before recording it? Then the cell is still ours: it is published only after that
    // record.
    if (tried !== 0 && this.#holds(tried, id)) words[at + slot.CLAIMED] = 1;
    if (words[at + slot.CLAIMED] !== 0) {
      // Killed before the head passed it? Readers would not find it until the next change.
      Atomics.compareExchange(this.#longs, headAt, BigInt(tried), BigInt(tried) + 1n);
      return;
    }
    for (let passed = 0; ; passed++) {
      const head = Atomics.load(this.#longs, headAt);
      const sequence = Number(head);
      const lap = layout.lapOf(sequence, this.cells);
      const cell = this.#cell(sequence);
      const before = Atomics.load(words, cell);
      // Only from the lap before. If the head is outdated by now, the cell's claim already belongs to the head's lap or
      // to a later one, and must not be taken from its owner. So a claim that succeeds is for the current head. If the
      // head or the laps are damaged, no cell may belong to the lap before: then any other lap will do.
      if (layout.precedesLap(before, lap) || (passed > MAX_PASSED && !layout.isOfLap(before, lap))) {
        this.#doubles[(at + slot.CHANGE) >>> 1] = sequence;
        if (Atomics.compareExchange(words, cell, before, layout.claimOf(lap, id)) !== before) continue;
        words[at + slot.CLAIMED] = 1;
        Atomics.compareExchange(this.#longs, headAt, head, head + 1n);
        return;
      }
      // Another producer has this sequence and has not advanced the head yet; or the head has advanced, and this does
      // nothing.
      Atomics.compareExchange(this.#longs, headAt, head, head + 1n);
    }
  }

  #holds(sequence: number, id: number): boolean {
    const claim = layout.claimOf(layout.lapOf(sequence, this.cells), id);
    return Atomics.load(this.#words, this.#cell(sequence)) === claim;
  }

  /**
   * Writes the change into its cell. The checksum covers what we write, never what is in the cell: a producer that was
   * overtaken may write there at the same time, and a checksum of both would turn their mixture into a valid change.
   */
  #write(cell: number, sequence: number, at: number): void {
    const words = this.#words;
    const row = this.#memory.rowWord(words[at + slot.ROW] as RowNumber);
    const keyBytes = words[row + ROW_KEY_LENGTH];
    // A damaged row must not overwrite more than its own cell.
    const bytes = keyBytes > 0 && keyBytes <= this.#memory.layout.schema.maxKeyBytes ? keyBytes : 0;
    const revision = this.#memory.revision(words[at + slot.EPOCH_AFTER], words[at + slot.VERSION_AFTER]);
    const kind = bytes | (words[at + slot.COUNTER] << 16);
    let checksum = checksumOf(sequence, kind, revision);
    const from = row + this.#memory.layout.row.keyOffset / 4;
    const to = cell + layout.CELL_KEY;
    for (let i = 0; i < (bytes + 3) >>> 2; i++) {
      const word = words[from + i];
      words[to + i] = word;
      checksum = mix(checksum, word);
    }
    this.#doubles[(cell + layout.CELL_REVISION) / 2] = revision;
    words[cell + layout.CELL_KIND] = kind;
    words[cell + layout.CELL_CHECKSUM] = checksum;
  }

  /** Wakes watchers. Makes a system call only if one sleeps, or if `surely` is set. */
  wake(surely = false): void {
    advanceAndWake(this.#words, this.#at + layout.FEED_WAKE, this.#at + layout.FEED_SLEEPERS, surely);
  }

  /** The word that watchers sleep on. */
  watchedWord(readOnly: boolean): WatchedWord {
    const header = this.#at;
    const sleepers = readOnly ? -1 : header + layout.FEED_SLEEPERS;
    return { words: this.#words, word: header + layout.FEED_WAKE, sleepers };
  }

  /** The watched word's value. */
  get wakeCount(): number {
    return Atomics.load(this.#words, this.#at + layout.FEED_WAKE);
  }

  /** Reads the change with this sequence. Stores nothing and never waits. */
  read(sequence: number): FeedRead {
    const head = this.head;
    if (sequence >= head) return 'none';
    if (sequence < head - this.cells || sequence < this.first) return 'gap';
    const cell = this.#cell(sequence);
    const claim = Atomics.load(this.#words, cell);
    if (!layout.isOfLap(claim, layout.lapOf(sequence, this.cells))) return 'gap';
    if (!layout.isPublished(claim)) return 'pending';
    const revision = this.#doubles[(cell + layout.CELL_REVISION) / 2];
    const kind = this.#words[cell + layout.CELL_KIND];
    const bytes = kind & 0xffff;
    const type = layout.CHANGE_TYPES[kind >>> 16];
    if (type === undefined || bytes > this.#memory.layout.schema.maxKeyBytes) return 'gap';
    const keyAt = (cell + layout.CELL_KEY) * 4;
    const key = this.#memory.bytes.toString('utf8', keyAt, keyAt + bytes);
    let checksum = checksumOf(sequence, kind, revision);
    const from = cell + layout.CELL_KEY;
    for (let i = 0; i < (bytes + 3) >>> 2; i++) checksum = mix(checksum, this.#words[from + i]);
    const sound = this.#words[cell + layout.CELL_CHECKSUM] === checksum;
    if (!sound || loadAfter(this.#words, cell) !== claim) return 'gap';
    return { sequence, type, key, revision };
  }

  /** First word of the cell of a sequence. */
  #cell(sequence: number): number {
    return this.#cellsAt + (sequence % this.cells) * this.#cellWords;
  }
}

/** A revision, to be split into the two words that it has in memory. */
const number = new Float64Array(1);
const numberWords = new Int32Array(number.buffer);

/** The checksum of everything but the key. */
function checksumOf(sequence: number, kind: number, revision: number): number {
  number[0] = revision;
  const sum = Math.imul(sequence, 0x9e3779b1) ^ Math.floor(sequence / 0x1_0000_0000);
  return mix(mix(mix(sum, kind), numberWords[0]), numberWords[1]);
}

function mix(sum: number, word: number): number {
  const mixed = Math.imul(sum ^ word, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
