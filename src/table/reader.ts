import { ShmTableError } from '../errors.js';
import { fence, loadAfter } from '../memory/index.js';
import type { TableClock } from './expiry/table-clock.js';
import type { Key } from './hot/encode-key.js';
import type { Chain } from './hot/find.js';
import type { ChainReader } from './hot/iterate.js';
import type { Lookup } from './hot/lookup.js';
import { tagByte, tagOf } from './layout/bucket.js';
import { constants } from './layout/constants.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, WordIndex } from './layout/units.js';
import { MAX_KEYS_AHEAD } from './many-rows.js';
import type { RowCodec } from './row-codec.js';
import { COPY, RowCopy } from './row-copy.js';
import type { RowReader, RowReading, RowSource } from './row-source.js';
import type { TableCode } from './table-code.js';
import type { Columns } from './types.js';

const { ROW_EXPIRES_AT, ROW_SEQUENCE } = constants.row;
const { BUCKET_WORDS, ENTRIES, FIRST_ENTRY, LINK, VERSION } = constants.bucket;

/** Attempts to read a chain at an unchanged version before it is read row by row; as many as a lookup makes. */
const PASSES = 3;
/** How often a row is copied again because it changed meanwhile, before giving up: in practice never reached. */
const MAX_TRIES = 1_000_000;

const anyRow = (): boolean => true;

/**
 * Reads without locking or waiting, and without a store that another reader or writer relies on.
 *
 * The fast path: load the bucket's version, look, copy, load the version again. If it is unchanged, no operation on the
 * bucket ended meanwhile, and at most one was under way. The reader sees the effect of that one in a single place: the
 * entry, loaded once, leads to the old row or to the new one; an increment under way has stored its number, or not yet.
 * So the result, hit or miss, reflects one state of the bucket, before that operation or after it, even if its writer
 * is stopped or dead.
 *
 * If the version has changed a few times in a row, the chain is read row by row, from the tail to the head:
 * - A row is copied, and decoded only after the copy was verified. A hit is accepted if the entry still holds the row
 *   after the copy, and after that check the row's sequence is even and the same as before the copy. The entry is
 *   checked before the sequence: in the opposite order, a row that was recycled, filled, never committed, and recycled
 *   again in between would be accepted.
 * - An increment changes neither entry nor sequence. So a row's numbers are copied within one revision: `RowCopy` says
 *   why that suffices.
 * - A miss needs no version. Rows only move towards the head, and are in the new place before they leave the old one,
 *   so a key that exists throughout is found on the way; one that is not found was absent at some moment.
 * Every repetition means that a writer committed: a stopped or dead writer delays no reader, even if it holds the lock.
 */
export class Reader<C extends Columns = Columns> {
  readonly #code: TableCode<C>;
  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #key: Key;
  readonly #chain: Chain;
  readonly #clock: TableClock;
  readonly #damage: RowCodec['damage'];
  readonly #uses: Uint8Array | undefined;
  readonly #assertOpen: () => void;
  readonly #hashesAhead = new Int32Array(MAX_KEYS_AHEAD);
  /** Word indexes, which from 8 GiB on do not fit in an int32. */
  readonly #homesAhead = new Float64Array(MAX_KEYS_AHEAD);
  readonly #rowsAhead = new Int32Array(MAX_KEYS_AHEAD);
  readonly #inPlace: RowSource<C>;
  #copied: RowCopy<C> | undefined;

  constructor(code: TableCode<C>, readOnly: boolean, assertOpen: () => void) {
    const { context, codec, key, chain } = code;
    const { memory } = context;
    this.#code = code;
    this.#memory = memory;
    this.#words = memory.words;
    this.#key = key;
    this.#chain = chain;
    this.#clock = context.clock;
    this.#damage = codec.damage;
    this.#uses = readOnly ? undefined : memory.uses;
    this.#assertOpen = assertOpen;
    this.#inPlace = {
      memory,
      codec,
      get keyAt() {
        return code.chains.keyAt;
      },
      revisionAt: (at) => memory.revisionAt(at),
      expiresAt: (at) => memory.doubles[(at + ROW_EXPIRES_AT) >>> 1],
    };
  }

  get chains(): ChainReader {
    return this.#code.chains;
  }

  /** Memory for a copy of one row, created when it is first needed, since most readers never need it. */
  get #copy(): RowCopy<C> {
    this.#copied ??= new RowCopy<C>(this.#code);
    return this.#copied;
  }

  reading<T>(make: RowReader<C, T>): RowReading<T> {
    let copied: ((row: WordIndex) => T) | undefined;
    return {
      inPlace: make(this.#inPlace),
      copied: () => {
        copied ??= make(this.#copy);
        return copied(COPY);
      },
    };
  }

  /**
   * Creates a function that looks up a key and returns what the reader from `make` reads from its row; undefined when
   * there is no row, or it has expired.
   */
  lookup<T>(make: RowReader<C, T>): Lookup<T> {
    const reading = this.reading(make);
    return this.#code.lookup<T>({
      uses: this.#uses,
      read: reading.inPlace,
      assertOpen: this.#assertOpen,
      lookupByRow: (home) => this.#lookupByRow(home, reading),
      corrupt: (home) => this.#corrupt(home),
    });
  }

  #lookupByRow<T>(home: WordIndex, reading: RowReading<T>): T | undefined {
    const tag = tagOf(this.#key.hash);
    const buckets = this.#bucketsOf(home);
    for (let i = buckets.length - 1; i >= 0; i--) {
      for (let position = ENTRIES - 1; position >= 0; position--) {
        if (this.#memory.bytes[tagByte(buckets[i], position)] !== tag) continue;
        if (this.#copyEntry(home, buckets[i] + FIRST_ENTRY + position, this.#chain.isKeyOf)) {
          return this.#isCopyLive() ? reading.copied() : undefined;
        }
      }
    }
    // The tags before what this thread does next, as after every other lookup.
    fence();
    return undefined;
  }

  /**
   * Loads what `lookup` of each of these keys, at most MAX_KEYS_AHEAD, will read: first the buckets, then the rows.
   * They arrive together, in little more than the time of one, whereas separate lookups wait for each bucket and then
   * for each row. The loops that load do nothing else, because a processor looks ahead over a fixed number of
   * instructions, not of rows. Invalid keys are skipped.
   */
  loadAhead(keys: readonly string[]): void {
    const hashes = this.#hashesAhead;
    const homes = this.#homesAhead;
    const rows = this.#rowsAhead;
    let count = 0;
    for (let i = 0; i < keys.length && count < MAX_KEYS_AHEAD; i++) {
      try {
        this.#key.encode(keys[i]);
      } catch {
        continue;
      }
      hashes[count] = this.#key.hash;
      homes[count++] = this.#homeOf(this.#key.hash);
    }
    const words = this.#words;
    let touched = 0;
    for (let i = 0; i < count; i++) touched |= words[homes[i]];
    let found = 0;
    for (let i = 0; i < count; i++) {
      const row = this.#chain.guess(homes[i] as WordIndex, hashes[i]);
      if (row !== 0) rows[found++] = row;
    }
    this.chains.loadRows(rows, found, touched);
  }

  #homeOf(hash: number): number {
    return this.#memory.homeWord(this.#memory.bucketOf(hash));
  }

  /**
   * Returns every row of a chain that has not expired, in unspecified order, each key once. Rows that exist throughout
   * are among them.
   */
  chain<T extends { readonly key: string }>(bucket: BucketNumber, reading: RowReading<T>): T[] {
    const words = this.#words;
    const home = this.#memory.homeWord(bucket);
    // A read that was interrupted, for example by the timeout of a `vm` script, may have left it set.
    this.#damage.found = false;
    for (let pass = 0; pass < PASSES; pass++) {
      const version = Atomics.load(words, home + VERSION);
      const items = this.chains.readWhole(home, reading.inPlace);
      if (loadAfter(words, home + VERSION) === version) {
        if (items === undefined || this.#damage.found) this.#corrupt(home);
        return items;
      }
      this.#damage.found = false;
    }
    return this.#readByRow(home, reading);
  }

  #readByRow<T extends { readonly key: string }>(home: WordIndex, reading: RowReading<T>): T[] {
    const items = new Map<string, T | undefined>();
    const buckets = this.#bucketsOf(home);
    for (let i = buckets.length - 1; i >= 0; i--) {
      for (let position = ENTRIES - 1; position >= 0; position--) {
        if (!this.#copyEntry(home, buckets[i] + FIRST_ENTRY + position, anyRow)) continue;
        // A bucket that was unlinked while we were reading it may belong to another chain by now.
        if (this.#memory.homeWord(this.#memory.bucketOf(this.#copy.hash)) !== home) continue;
        const item = reading.copied();
        // The first occurrence of a key counts: a second one is the row in its new place, or a later row of the same
        // key.
        if (!items.has(item.key)) items.set(item.key, this.#isCopyLive() ? item : undefined);
      }
    }
    return [...items.values()].filter((item) => item !== undefined);
  }

  #isCopyLive(): boolean {
    return !this.#clock.isPast(this.#copy.expiresAt(COPY));
  }

  /** Copies the whole row of an entry: false when the entry is empty or the row is not `wanted`. */
  #copyEntry(home: WordIndex, entry: number, wanted: (at: WordIndex) => boolean): boolean {
    const words = this.#words;
    const copy = this.#copy;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = Atomics.load(words, home + VERSION);
      const row = Atomics.load(words, entry);
      if (row === 0) return false;
      if (!this.#memory.isRow(row)) this.#corrupt(home);
      const at = this.#memory.rowWord(row);
      const sequence = Atomics.load(words, at + ROW_SEQUENCE);
      const isLinked = (): boolean => loadAfter(words, entry) === row;
      const isWanted = wanted(at);
      if (isWanted && !copy.takeNumbers(at)) continue;
      const isSound = !isWanted || copy.takeRest(at, isLinked);
      const linked = isLinked();
      const finished = (sequence & 1) === 0 && Atomics.load(words, at + ROW_SEQUENCE) === sequence;
      if (linked && finished && isSound) return isWanted;
      // A linked row is complete and intact, and is recycled only after the version has advanced. So this one is
      // damaged.
      if (linked && Atomics.load(words, home + VERSION) === version) this.#corrupt(home);
    }
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `a row of table ${this.#code.context.name} changed ${MAX_TRIES} times while it was copied`,
    );
  }

  /** The buckets of a chain, head first. */
  #bucketsOf(home: WordIndex): WordIndex[] {
    const words = this.#words;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const version = Atomics.load(words, home + VERSION);
      const buckets = [home];
      let sound = true;
      for (let next = Atomics.load(words, home + LINK); next !== 0; ) {
        if (!this.#memory.isOverflow(next) || buckets.length > this.#memory.overflow.slices) {
          sound = false;
          break;
        }
        const bucket = this.#memory.overflowWord(next);
        buckets.push(bucket);
        next = Atomics.load(words, bucket + LINK);
      }
      if (sound) return buckets;
      if (Atomics.load(words, home + VERSION) === version) this.#corrupt(home);
    }
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `a chain of table ${this.#code.context.name} changed ${MAX_TRIES} times while it was read`,
    );
  }

  #corrupt(home: WordIndex): never {
    this.#damage.found = false;
    const bucket = (home - this.#memory.homeWord(0 as BucketNumber)) / BUCKET_WORDS;
    throw new ShmTableError(
      'ERR_TABLE_CORRUPT',
      `table ${this.#code.context.name} is damaged in the chain of bucket ${bucket}`,
    );
  }
}
