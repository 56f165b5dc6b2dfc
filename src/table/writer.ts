import { ShmTableError } from '../errors.js';
import * as bucketLayout from './bucket-layout.js';
import { tagOf } from './bucket-layout.js';
import { type Chain, DAMAGED } from './chain.js';
import type { Accumulator } from './column-numbers.js';
import type { Key } from './key.js';
import type { Participant } from './participant.js';
import * as slotLayout from './participant-layout.js';
import type { RowCodec } from './row-codec.js';
import * as rowLayout from './row-layout.js';
import * as segmentLayout from './segment-layout.js';
import type { TableClock } from './table-clock.js';
import type { TableMemory } from './table-memory.js';

// Constants of this module, for the compiler: see "Fast code" in CONTRIBUTING.
const slot = { ...slotLayout };
const { READY, STATE } = segmentLayout;
const { ROW_EPOCH, ROW_EXPIRES_AT, ROW_REVISION } = rowLayout;
const { BUCKET_WORDS, ENTRIES, FIRST_ENTRY } = bucketLayout;

/** What a write does with the row that it finds, or does not find. */
export type WriteMode = 'set' | 'put' | 'insert' | 'update';

/** Times that room is made for one new row before the table is called full. */
const MAX_ROUNDS = 100;
/** How long a table that evicts is tried for after that, in milliseconds. */
const PATIENCE_MS = 1000;

/** How a write ended. All but the first two changed nothing. */
export type Outcome = 'inserted' | 'updated' | 'deleted' | 'absent' | 'present' | 'mismatch';

/** An increment that is written as a whole row: because the row is new, or because its expiry changes too. */
interface Step {
  readonly column: Accumulator;
  readonly by: number | bigint;
}

/**
 * Every change of the table. Each follows the same steps:
 *
 *   1. what the caller gave is read once, checked and encoded into the participant's spare row; nothing shared has
 *      changed, and none of the caller's code runs after this
 *   2. the journal names the bucket, the bucket's lock is taken
 *   3. under the lock the row is looked up, columns not named are copied and the revision is set: copied before the
 *      lock, they would lose a concurrent increment
 *   4. the journal is completed with final values and carried out; one store of a row number makes the change visible
 *   5. the lock is released, what was left over is freed, and only then the journal is cleared
 *
 * Interrupted anywhere, by an error thrown under the lock or by the end of the thread, `Participant.settle` finishes
 * or undoes it: that is what every `finally` below is for.
 */
export class Writer {
  /** Revision and expiry (table time, 0 never) of the row that the last write left. */
  revision = 0;
  expiresAt = 0;
  /** Value that the last increment left. */
  value: number | bigint = 0;
  /** Called when the table is full: whether it freed anything, so that another try is worth it. */
  makeRoom: () => boolean = () => false;

  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #participant: Participant;
  readonly #codec: RowCodec;
  readonly #key: Key;
  readonly #chain: Chain;
  readonly #clock: TableClock;
  /** Until when a new row is tried for in a table that evicts. */
  #patientUntil = 0;
  readonly #name: string;
  readonly #columnCount: number;
  readonly #beginRow: () => number;

  constructor(parts: {
    memory: TableMemory;
    participant: Participant;
    codec: RowCodec;
    key: Key;
    chain: Chain;
    clock: TableClock;
    name: string;
  }) {
    this.#memory = parts.memory;
    this.#words = parts.memory.words;
    this.#participant = parts.participant;
    this.#codec = parts.codec;
    this.#key = parts.key;
    this.#chain = parts.chain;
    this.#clock = parts.clock;
    this.#name = parts.name;
    this.#columnCount = parts.memory.layout.row.columns.length;
    this.#beginRow = () => {
      // A getter of the caller's row may have closed or destroyed the table.
      if (this.#words[STATE] !== READY) {
        throw new ShmTableError('ERR_TABLE_CLOSED', `table ${this.#name} was closed while its row was read`);
      }
      return this.#participant.openSpare();
    };
  }

  /**
   * Finishes what was interrupted so that not even a `finally` ran: by the timeout of a `vm` script. The next operation
   * does it too; this is for when none follows, and others wait for the lock.
   */
  settle(): void {
    this.#participant.settle();
  }

  /** Settles what dead participants left; how many had died. */
  settleDead(): number {
    return this.#participant.settleDead();
  }

  /**
   * Writes a row. `ttl` as in `WriteOptions`, already checked; `ifRevision` makes it 'mismatch' unless the row has
   * this revision. `ERR_TABLE_FULL`, `ERR_LOCK_TIMEOUT`, and what the codec and the key refuse.
   */
  write(mode: WriteMode, key: string, input: object, ttl: number | null | undefined, ifRevision?: number): Outcome {
    this.#participant.settle();
    const named = this.#codec.write(input, this.#beginRow);
    this.#key.encode(key);
    try {
      return this.#link(mode, named === this.#columnCount, ttl, ifRevision, undefined);
    } finally {
      this.#participant.settle();
    }
  }

  /** Writes a row whose columns `fill` puts into the spare (given its first word): all of them, and nothing else. */
  load(key: string, fill: (row: number) => void, ttl: number | null): Outcome {
    this.#participant.settle();
    fill(this.#participant.openSpare());
    this.#key.encode(key);
    try {
      return this.#link('set', true, ttl, undefined, undefined);
    } finally {
      this.#participant.settle();
    }
  }

  /** Adds `by` to a number, creating the row if it is missing. The result is in `value`. */
  increment(
    key: string,
    column: Accumulator,
    by: number | bigint,
    ttl: number | null | undefined,
    ifRevision?: number,
  ): Outcome {
    this.#participant.settle();
    this.#key.encode(key);
    try {
      const outcome = ttl === undefined ? this.#incrementInPlace(column, by, ifRevision) : undefined;
      if (outcome !== undefined) return outcome;
      this.#codec.clear(this.#participant.openSpare());
      return this.#link('set', false, ttl, ifRevision, { column, by });
    } finally {
      this.#participant.settle();
    }
  }

  /** Sets a row's expiry (table time, 0 never). */
  expire(key: string, expiresAt: number): Outcome {
    this.#participant.settle();
    this.#key.encode(key);
    try {
      const home = this.#begin(slot.STORE);
      const row = this.#find(home);
      if (row === 0 || this.#hasExpired(row)) {
        this.#participant.abandon(home);
        return 'absent';
      }
      if (expiresAt !== 0) this.#clock.announce(expiresAt);
      this.#memory.doubles[(this.#participant.at + slot.VALUE) >>> 1] = expiresAt;
      this.#storeNumber(home, row, ROW_EXPIRES_AT, slot.STORE_DOUBLE);
      return 'updated';
    } finally {
      this.#participant.settle();
    }
  }

  /** Removes a row. `take`, if given, sees it once more when nobody else can: unlinked, not yet free. */
  remove(key: string, ifRevision?: number, take?: (row: number) => void): Outcome {
    this.#participant.settle();
    this.#key.encode(key);
    try {
      const home = this.#begin(slot.REMOVE);
      const row = this.#find(home);
      if (row === 0) {
        this.#participant.abandon(home);
        return 'absent';
      }
      if (this.#hasExpired(row)) {
        this.#unlink(home, row, slot.EXPIRATIONS);
        return 'absent';
      }
      if (ifRevision !== undefined && this.#memory.revisionAt(this.#memory.rowWord(row)) !== ifRevision) {
        this.#participant.abandon(home);
        return 'mismatch';
      }
      this.#unlink(home, row, slot.DELETES, take);
      return 'deleted';
    } finally {
      this.#participant.settle();
    }
  }

  /** Removes the rows of one bucket, each as an operation of its own: at most as many as were there at the start. */
  clearBucket(bucket: number): void {
    let left = this.#chain.entries(this.#memory.homeWord(bucket));
    while (left > 0 && this.#removeOne(bucket, true, slot.DELETES, (home) => this.#chain.seekLast(home))) left--;
  }

  /** Removes one expired row of a bucket; false when there is none, or, without `wait`, the bucket is locked. */
  expireOne(bucket: number, wait: boolean): boolean {
    return this.#removeOne(bucket, wait, slot.EXPIRATIONS, (home) =>
      this.#chain.seek(home, (row) => this.#hasExpired(row)),
    );
  }

  /** Evicts this row of a bucket; false when it is not there any more, or the bucket is locked. */
  evict(bucket: number, row: number): boolean {
    return this.#removeOne(bucket, false, slot.EVICTIONS, (home) =>
      this.#chain.seek(home, (candidate) => candidate === row),
    );
  }

  /** Removes the row that `choose` finds under the lock; false when it finds none. An expired one counts as such. */
  #removeOne(bucket: number, wait: boolean, counter: number, choose: (home: number) => number): boolean {
    this.#participant.settle();
    try {
      const { REMOVE } = slot;
      const home = wait ? this.#participant.begin(REMOVE, bucket) : this.#participant.tryBegin(REMOVE, bucket);
      if (home === 0) return false;
      const row = choose(home);
      if (row === DAMAGED) this.#corrupt();
      if (row === 0) {
        this.#participant.abandon(home);
        return false;
      }
      this.#unlink(home, row, this.#hasExpired(row) ? slot.EXPIRATIONS : counter);
      return true;
    } finally {
      this.#participant.settle();
    }
  }

  // ---- steps ----

  #begin(operation: number): number {
    return this.#participant.begin(operation, this.#memory.bucketOf(this.#key.hash));
  }

  #find(home: number): number {
    const row = this.#chain.find(home);
    if (row === DAMAGED) this.#corrupt();
    return row;
  }

  #hasExpired(row: number): boolean {
    const expiresAt = this.#memory.doubles[(this.#memory.rowWord(row) + ROW_EXPIRES_AT / 4) >>> 1];
    return expiresAt !== 0 && this.#clock.isPast(expiresAt);
  }

  /** Links the spare, whose named columns are written, as the row of the key. */
  #link(
    mode: WriteMode,
    whole: boolean,
    ttl: number | null | undefined,
    ifRevision: number | undefined,
    step: Step | undefined,
  ): Outcome {
    for (let rounds = 0; ; ) {
      const home = this.#begin(slot.COMMIT);
      const old = this.#find(home);
      if (old !== 0 && this.#hasExpired(old)) {
        this.#words[this.#participant.at + slot.OPERATION] = slot.REMOVE;
        this.#unlink(home, old, slot.EXPIRATIONS);
        continue;
      }
      const refusal = this.#refusal(mode, old, ifRevision);
      if (refusal !== undefined) {
        this.#participant.abandon(home);
        return refusal;
      }
      if (old === 0 && !this.#reserve(home)) {
        // Others may take what was freed before we do, but not for ever. The key under way stays as it is meanwhile:
        // making room works on rows and buckets, not on keys.
        if (!this.#makeRoomAgain(++rounds)) this.#full();
        continue;
      }
      this.#fillSpare(home, mode, whole, old, ttl, step);
      this.#commitSpare(home, old);
      return old === 0 ? 'inserted' : 'updated';
    }
  }

  #refusal(mode: WriteMode, old: number, ifRevision: number | undefined): Outcome | undefined {
    if (old === 0) return mode === 'update' || ifRevision !== undefined ? 'absent' : undefined;
    if (mode === 'insert') return 'present';
    if (ifRevision !== undefined && this.#memory.revisionAt(this.#memory.rowWord(old)) !== ifRevision)
      return 'mismatch';
    return undefined;
  }

  /**
   * Takes what a new row needs: the slice that will be the next spare, and an overflow bucket when the chain is full.
   * False, with nothing held, when there is none.
   */
  #reserve(home: number): boolean {
    const { rows, overflow } = this.#memory;
    const { at, id } = this.#participant;
    const words = this.#words;
    if (rows.claim(id, at + slot.TAKEN) === 0) {
      this.#participant.abandon(home);
      return false;
    }
    this.#seekTail(home);
    if (this.#chain.tailEntries < ENTRIES) {
      words[at + slot.PLACE] = this.#chain.tailNumber;
      words[at + slot.POSITION] = this.#chain.tailEntries;
      return true;
    }
    const bucket = overflow.claim(id, at + slot.OVERFLOW);
    if (bucket === 0) {
      rows.release(words[at + slot.TAKEN], id);
      this.#participant.abandon(home);
      return false;
    }
    const first = this.#memory.overflowWord(bucket);
    words.fill(0, first + 1, first + BUCKET_WORDS);
    words[at + slot.BEFORE] = this.#chain.tailNumber;
    words[at + slot.PLACE] = bucket;
    words[at + slot.POSITION] = 0;
    return true;
  }

  /** Completes the spare from the row that it replaces, or from zero. */
  #fillSpare(
    home: number,
    mode: WriteMode,
    whole: boolean,
    old: number,
    ttl: number | null | undefined,
    step: Step | undefined,
  ): void {
    const { at, journal } = this.#participant;
    const words = this.#words;
    const row = this.#memory.rowWord(this.#participant.spare);
    const oldRow = old === 0 ? 0 : this.#memory.rowWord(old);
    if (!whole) this.#codec.complete(row, mode === 'put' ? 0 : oldRow);
    if (step !== undefined) this.#takeStep(row, step);
    this.#chain.writeKey(row);
    const doubles = this.#memory.doubles;
    if (ttl === undefined) this.expiresAt = old === 0 ? 0 : doubles[(oldRow + ROW_EXPIRES_AT / 4) >>> 1];
    else this.expiresAt = ttl === null ? 0 : this.#expiry(ttl);
    doubles[(row + ROW_EXPIRES_AT / 4) >>> 1] = this.expiresAt;
    journal.prepareVersion(at, home, 1);
    words[row + ROW_REVISION] = words[at + slot.VERSION_AFTER];
    words[row + ROW_EPOCH] = words[at + slot.EPOCH_AFTER];
    this.revision = this.#memory.revision(words[at + slot.EPOCH_AFTER], words[at + slot.VERSION_AFTER]);
    this.#participant.finishRow(row);
  }

  #expiry(ttl: number): number {
    const expiresAt = this.#clock.now() + ttl;
    this.#clock.announce(expiresAt);
    return expiresAt;
  }

  /** Advances a number of the spare. */
  #takeStep(row: number, { column, by }: Step): void {
    const next = column.advance(row, by, row, column.offset);
    if (typeof next === 'object') throw next;
    this.value = next;
  }

  #commitSpare(home: number, old: number): void {
    const words = this.#words;
    const { at, journal } = this.#participant;
    if (old !== 0) {
      words[at + slot.OLD] = old;
      words[at + slot.PLACE] = this.#chain.foundNumber;
      words[at + slot.POSITION] = this.#chain.foundPosition;
    }
    words[at + slot.ROW] = this.#participant.spare;
    words[at + slot.TAG] = tagOf(this.#key.hash);
    journal.prepareCounter(at, old === 0 ? slot.INSERTS : slot.UPDATES);
    const uses = this.#memory.uses;
    if (uses !== undefined) uses[words[at + slot.ROW]] = old === 0 ? 0 : 1;
    this.#participant.commit(home);
    this.#participant.end();
  }

  /** Undefined when the row has to be written as a whole: it is missing, or has expired. */
  #incrementInPlace(column: Accumulator, by: number | bigint, ifRevision: number | undefined): Outcome | undefined {
    const home = this.#begin(slot.STORE);
    const row = this.#find(home);
    if (row === 0 || this.#hasExpired(row)) {
      this.#participant.abandon(home);
      return undefined;
    }
    const at = this.#memory.rowWord(row);
    if (ifRevision !== undefined && this.#memory.revisionAt(at) !== ifRevision) {
      this.#participant.abandon(home);
      return 'mismatch';
    }
    const next = column.advance(at, by, this.#participant.at + slot.VALUE, 0);
    if (typeof next === 'object') throw next;
    this.#storeNumber(home, row, column.offset, column.width);
    this.value = next;
    return 'updated';
  }

  /** Stores the journal's VALUE in a linked row, and the revision that this makes. */
  #storeNumber(home: number, row: number, offset: number, width: number): void {
    const words = this.#words;
    const { at, journal } = this.#participant;
    words[at + slot.ROW] = row;
    words[at + slot.COLUMN] = offset;
    words[at + slot.WIDTH] = width;
    journal.prepareVersion(at, home, 1);
    journal.prepareCounter(at, slot.UPDATES);
    const uses = this.#memory.uses;
    if (uses !== undefined) uses[row] = 1;
    this.#participant.commit(home);
    const rowAt = this.#memory.rowWord(row);
    this.revision = this.#memory.revision(words[at + slot.EPOCH_AFTER], words[at + slot.VERSION_AFTER]);
    this.expiresAt = this.#memory.doubles[(rowAt + ROW_EXPIRES_AT / 4) >>> 1];
    this.#participant.end();
  }

  /** Unlinks the row that was found, fills the gap with the chain's last row, and frees what became unused. */
  #unlink(home: number, row: number, counter: number, take?: (row: number) => void): void {
    const words = this.#words;
    const { at, id, journal } = this.#participant;
    const chain = this.#chain;
    const place = chain.foundNumber;
    const position = chain.foundPosition;
    this.#seekTail(home);
    const last = words[chain.tail + FIRST_ENTRY + chain.tailEntries - 1];
    const moved = last === row ? 0 : last;
    const empties = chain.tailEntries === 1 && chain.tailNumber !== 0;
    words[at + slot.ROW] = row;
    words[at + slot.PLACE] = place;
    words[at + slot.POSITION] = position;
    words[at + slot.MOVED] = moved;
    words[at + slot.SOURCE] = chain.tailNumber;
    words[at + slot.SOURCE_POSITION] = chain.tailEntries - 1;
    words[at + slot.OVERFLOW] = empties ? chain.tailNumber : 0;
    words[at + slot.BEFORE] = chain.beforeTail;
    journal.prepareVersion(at, home, moved === 0 ? 1 : 2);
    journal.prepareCounter(at, counter);
    this.#participant.commit(home);
    this.revision = this.#memory.revision(words[at + slot.EPOCH_AFTER], words[at + slot.VERSION_AFTER]);
    take?.(this.#memory.rowWord(row));
    this.#memory.rows.release(row, id);
    if (empties) this.#memory.overflow.release(words[at + slot.OVERFLOW], id);
    this.#participant.end();
  }

  #seekTail(home: number): void {
    if (!this.#chain.seekTail(home)) this.#corrupt();
  }

  /**
   * Whether another try for a new row is worth it. A table that evicts can always make room, but with more writers than
   * processors others may take each slice that this one has freed: then it goes on for a while, and not for ever.
   */
  #makeRoomAgain(rounds: number): boolean {
    const freed = this.makeRoom();
    if (rounds <= MAX_ROUNDS) return freed || this.#memory.uses !== undefined;
    if (this.#memory.uses === undefined) return false;
    if (rounds === MAX_ROUNDS + 1) this.#patientUntil = performance.now() + PATIENCE_MS;
    return performance.now() < this.#patientUntil;
  }

  #full(): never {
    const { capacity } = this.#memory.layout.schema;
    throw new ShmTableError('ERR_TABLE_FULL', `table ${this.#name} holds its capacity of ${capacity} rows`);
  }

  /** The chain names what does not exist. */
  #corrupt(): never {
    throw new ShmTableError('ERR_TABLE_CORRUPT', `table ${this.#name} is damaged in the chain of a bucket`);
  }
}
