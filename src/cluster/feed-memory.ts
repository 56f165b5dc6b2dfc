import { createHash } from 'node:crypto';
import { ShmTableError } from '../errors.js';
import {
  type ByteLocks,
  bootTimeMs,
  fence,
  loadAcquire,
  openLiving,
  openOrCreateLiving,
  type Segment,
  storeRelease,
} from '../memory/index.js';
import * as layout from './feed-layout.js';
import type { ParsedConnection } from './options.js';
import { SLOTS } from './slots.js';

/**
 * Identifies the cluster that these options reach, on one host. Versions of this package with another layout of the feed
 * have a feed and near tables of their own, as another host has: so both can run until the older one's processes end.
 */
export function clusterId({ nodes, username, isSecure }: ParsedConnection): string {
  const names = nodes.map(({ host, port }) => `${host}:${port}`).sort();
  return createHash('sha1')
    .update(JSON.stringify([names, username ?? '', isSecure, layout.FEED_VERSION]))
    .digest('hex')
    .slice(0, 12);
}

export function feedName(namespace: string, cluster: string): string {
  return `shmtable-feed:${namespace}:${cluster}`;
}

/** Two words that identify an address. */
export function addressHash(address: string): readonly [number, number] {
  const digest = createHash('sha1').update(address).digest();
  return [digest.readInt32LE(0), digest.readInt32LE(4)];
}

/** What the feed of this host has done and knows. */
export interface FeedStats {
  /** Everything up to this many milliseconds ago has been applied, for all slots; `Infinity` if that is unknown. */
  readonly provenMs: number;
  /** Primaries from which changes arrive. */
  readonly grants: number;
  /** How often a process has begun to run the feed. */
  readonly takeovers: number;
  readonly invalidations: number;
  /** How often everything that was stored of one primary became untrusted. */
  readonly revokedGrants: number;
  /** Of the last heartbeat. */
  readonly roundTripMs: number;
  /** Why changes do not arrive from every primary; null if they do, or the feed does not know yet. */
  readonly problem: string | null;
}

/** The mapped feed segment: see the layout. */
export class FeedMemory {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly #bytes: Buffer;
  readonly #segment: Segment;

  private constructor(segment: Segment) {
    const { buffer, name } = segment;
    this.#segment = segment;
    this.words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.doubles = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    this.#bytes = Buffer.from(buffer, 0, buffer.byteLength);
    if (buffer.byteLength < layout.FEED_BYTES || this.words[layout.MAGIC] !== layout.FEED_MAGIC) {
      throw new ShmTableError('ERR_TABLE_CORRUPT', `segment "${name}" is not the feed of a cluster`);
    }
    if (this.words[layout.VERSION] !== layout.FEED_VERSION) {
      throw new ShmTableError(
        'ERR_LAYOUT_VERSION',
        `segment "${name}" has layout ${this.words[layout.VERSION]}, this version of shmtable has ${layout.FEED_VERSION}`,
      );
    }
  }

  /** Opens it, or creates it, without races between processes. */
  static openOrCreate(name: string): FeedMemory {
    return openOrCreateLiving(
      { name, size: layout.FEED_BYTES },
      ({ buffer }) => {
        const words = new Int32Array(buffer);
        words[layout.VERSION] = layout.FEED_VERSION;
        words[layout.MAGIC] = layout.FEED_MAGIC;
      },
      (segment) => new FeedMemory(segment),
    );
  }

  static openIfThere(name: string): FeedMemory | undefined {
    return openLiving(name, (segment) => new FeedMemory(segment));
  }

  get isDestroyed(): boolean {
    return Atomics.load(this.words, layout.STATE) === layout.DESTROYED;
  }

  openByteLocks(): ByteLocks {
    return this.#segment.openByteLocks();
  }

  // ---- tables ----

  /**
   * Registers a table, whose near table must exist already, and returns its index. `ERR_ARGUMENT` when there is no room.
   * Two processes may register the same name twice at the same moment; either index serves.
   */
  register(name: string): number {
    const { words } = this;
    for (let index = 0; index < layout.TABLES; index++) {
      const at = layout.tableWord(index);
      if (Atomics.load(words, at) === layout.TABLE_FREE) {
        const before = Atomics.compareExchange(words, at, layout.TABLE_FREE, layout.TABLE_CLAIMED);
        if (before === layout.TABLE_FREE) {
          words[at + 1] = this.#bytes.write(name, at * 4 + layout.TABLE_NAME, 'latin1');
          Atomics.store(words, at, layout.TABLE_COMPLETE);
          return index;
        }
      }
      if (this.tableAt(index) === name) return index;
    }
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `at most ${layout.TABLES} tables of a cluster and namespace can have a near cache on one host`,
    );
  }

  /** The name of a registered table. */
  tableAt(index: number): string | undefined {
    const at = layout.tableWord(index);
    if (Atomics.load(this.words, at) !== layout.TABLE_COMPLETE) return undefined;
    const start = at * 4 + layout.TABLE_NAME;
    return this.#bytes.toString('latin1', start, start + this.words[at + 1]);
  }

  /** Asks for heartbeats at least this often. */
  wantHeartbeat(ms: number): void {
    const { words } = this;
    for (let before = Atomics.load(words, layout.HEARTBEAT); before === 0 || before > ms; ) {
      const now = Atomics.compareExchange(words, layout.HEARTBEAT, before, ms);
      if (now === before) return;
      before = now;
    }
  }

  /** Counts a near table that was opened or created, before it is used. */
  countNearTable(): void {
    Atomics.add(this.words, layout.NEAR_TABLES, 1);
  }

  get nearTables(): number {
    return Atomics.load(this.words, layout.NEAR_TABLES);
  }

  // ---- for readers ----

  /** The grant of the slot's owner; 0 for none. */
  grantOf(slot: number): number {
    return loadAcquire(this.words, layout.SLOTS_WORD + slot);
  }

  /** Whether a grant is that of the server with this address, and invalidations of this table arrive through it. */
  covers(grant: number, [first, second]: readonly [number, number], table: number): boolean {
    const { words } = this;
    const at = layout.grantWord(grant);
    if (words[at + layout.ADDRESS] !== first || words[at + layout.ADDRESS + 1] !== second) return false;
    const isCovered = (Atomics.load(words, at + layout.COVERED + (table >>> 5)) & (1 << (table & 31))) !== 0;
    return isCovered && loadAcquire(words, at) === grant;
  }

  /** Makes all rows of a grant untrusted; the feed gives the connection a new one. Anybody may. */
  void(grant: number): void {
    if (grant !== 0) Atomics.compareExchange(this.words, layout.grantWord(grant), grant, 0);
  }

  /** Tells the feed that a slot has moved. */
  noteMoved(): void {
    Atomics.add(this.words, layout.MOVED, 1);
  }

  // ---- for the feed ----

  /** Makes everything untrusted: the first act of a new feed. */
  voidAll(): void {
    const { words, doubles } = this;
    for (let i = 0; i < layout.GRANTS; i++) {
      const at = layout.grantWord(i);
      Atomics.store(words, at, 0);
      doubles[(at >>> 1) + layout.PROVEN] = 0;
    }
    words.fill(0, layout.SLOTS_WORD, layout.SLOTS_WORD + SLOTS);
    Atomics.add(words, layout.TAKEOVERS, 1);
  }

  /** Gives a new grant, which proves nothing yet. */
  grant([first, second]: readonly [number, number], covered: readonly number[]): number {
    const { words, doubles } = this;
    const number = (Atomics.add(words, layout.LAST_GRANT, 1) + 1) & 0x7fffffff || this.#skipZero();
    const at = layout.grantWord(number);
    Atomics.store(words, at, 0);
    doubles[(at >>> 1) + layout.PROVEN] = 0;
    words[at + layout.ADDRESS] = first;
    words[at + layout.ADDRESS + 1] = second;
    for (let i = 0; i < layout.COVERED_WORDS; i++) words[at + layout.COVERED + i] = 0;
    for (const table of covered) words[at + layout.COVERED + (table >>> 5)] |= 1 << (table & 31);
    Atomics.store(words, at, number);
    return number;
  }

  #skipZero(): number {
    return Atomics.add(this.words, layout.LAST_GRANT, 1) + 1;
  }

  isGranted(number: number): boolean {
    return number !== 0 && Atomics.load(this.words, layout.grantWord(number)) === number;
  }

  /** Rows of this table may be filled under the grant from now on. */
  cover(number: number, table: number): void {
    Atomics.or(this.words, layout.grantWord(number) + layout.COVERED + (table >>> 5), 1 << (table & 31));
  }

  /** Everything that the primary executed before `at` has been applied. */
  prove(number: number, at: number): void {
    fence();
    this.doubles[(layout.grantWord(number) >>> 1) + layout.PROVEN] = at;
  }

  setSlot(slot: number, grant: number): void {
    const at = layout.SLOTS_WORD + slot;
    if (this.words[at] !== grant) storeRelease(this.words, at, grant);
  }

  countInvalidation(): void {
    this.doubles[layout.INVALIDATIONS]++;
  }

  countRevocation(): void {
    this.doubles[layout.REVOCATIONS]++;
  }

  noteRoundTrip(ms: number): void {
    this.doubles[layout.ROUND_TRIP] = ms;
  }

  /** One of the problems of the layout. */
  noteProblem(problem: number): void {
    this.words[layout.PROBLEM] = problem;
  }

  // ---- for statistics ----

  get stats(): FeedStats {
    const { words, doubles } = this;
    const now = bootTimeMs();
    const seen = new Set(words.subarray(layout.SLOTS_WORD, layout.SLOTS_WORD + SLOTS));
    let oldest = 0;
    for (const grant of seen) {
      const at = layout.grantWord(grant);
      const isValid = grant !== 0 && words[at] === grant;
      oldest = Math.max(oldest, isValid ? now - doubles[(at >>> 1) + layout.PROVEN] : Number.POSITIVE_INFINITY);
    }
    return {
      provenMs: oldest,
      grants: [...seen].filter((grant) => grant !== 0).length,
      takeovers: Atomics.load(words, layout.TAKEOVERS),
      invalidations: doubles[layout.INVALIDATIONS],
      revokedGrants: doubles[layout.REVOCATIONS],
      roundTripMs: doubles[layout.ROUND_TRIP],
      problem: layout.PROBLEMS[words[layout.PROBLEM]] ?? null,
    };
  }

  /** Marks it, so that nothing is trusted any more, and removes its name. */
  destroy(): void {
    Atomics.store(this.words, layout.STATE, layout.DESTROYED);
    this.voidAll();
    this.#segment.unlink();
  }

  close(): void {
    this.#segment.close();
  }
}
