import { type ErrorCode, ShmTableError } from '../errors.js';
import { bootTimeMs } from '../memory/index.js';
import type { Columns, Entry, Row, RowInput } from '../table/types.js';
import type { AnswerListener, ClusterRows, ReadRow } from './cluster-rows.js';
import { addressHash, type FeedMemory } from './feed-memory.js';
import { type NearRows, nearRowsOf, trustIn } from './near-rows.js';
import type { NearStore } from './near-store.js';
import type { NodeConnection } from './node-connection.js';
import { READ } from './scripts.js';
import { slotOf } from './slots.js';

/** For how long a place is held for a read: a killed reader keeps nobody from filling it for longer. */
const LEASE_MS = 500;
/** For how long a near table that could not be opened is not tried again, unless another one was made. */
const BARRED_MS = 1_000;
/** Of a near table that was destroyed, damaged, or altered by hand. */
const GONE: ReadonlySet<ErrorCode> = new Set(['ERR_TABLE_CLOSED', 'ERR_TABLE_CORRUPT', 'ERR_SCHEMA_MISMATCH']);

export interface NearStats {
  /** Reads of this handle that found a row that they could trust, and that did not. */
  readonly hits: number;
  readonly misses: number;
  /** Misses after which the row was stored, and after which it was not, because it had changed meanwhile or did not fit. */
  readonly fills: number;
  readonly refusedFills: number;
  /** Misses for which no place was held, because no grant was trusted or another reader was at work. */
  readonly uncachedReads: number;
}

/** A place that is held for a read, in the near table of which this is the revision. */
interface Lease<C extends Columns> {
  readonly own: NearRows<C>;
  readonly revision: number;
}

/** What a near table works with. */
interface NearParts<C extends Columns> {
  /** Opened for the first time. */
  readonly store: NearStore<C>;
  /** Opens what has the near table's name now; undefined if nothing has. */
  readonly reopen: () => NearStore<C> | undefined;
  readonly feed: FeedMemory;
  readonly rows: ClusterRows<C>;
  /** Index of the table in the feed's registry. */
  readonly table: number;
  readonly maxStaleMs: number;
  readonly maxAgeMs: number;
}

/**
 * The rows that this host has of a table in a cluster.
 *
 * - A row counts only while the grant under which it was read is that of the slot's owner, and proves that every change
 *   up to `maxStaleMs` ago has been applied.
 * - Before a row is read to be stored, its place is held by a row of grant 0. An invalidation removes that too, and then
 *   the row is not stored: what was read may be older than the invalidation. The held place is recognised by its revision
 *   in the near table, which never repeats.
 * - After every answer of a primary about a row, and before the caller gets it, the near row is removed unless it is as
 *   new. So no process of this host reads anything older afterwards. The same removes places that are held: their reads
 *   may have been answered before.
 * - When the near table is destroyed, or replaced by a process that wants another one, the one that has its name then is
 *   used instead. If its columns are others, nothing is read from it or stored in it, but rows are removed from it as
 *   before: its users read what this process has written.
 */
export class NearTable<C extends Columns> implements AnswerListener {
  readonly #parts: NearParts<C>;
  /** Undefined when there is no near table that can be used. */
  #open: NearRows<C> | undefined;
  /** The same if rows of this table can be read from it and stored in it. */
  #own: NearRows<C> | undefined;
  /** Whether there may be a near table that this process cannot open, as one without room for it; and when to try again. */
  #isBarred = false;
  #againMs: number = 0;
  /** How many near tables had been opened on this host before `#open` was. */
  #seen: number;
  readonly #trust: ReturnType<typeof trustIn>;
  readonly #hashes = new WeakMap<NodeConnection, readonly [number, number]>();
  #hits: number = 0;
  #misses: number = 0;
  #fills: number = 0;
  #refusedFills: number = 0;
  #uncachedReads: number = 0;
  #isClosed = false;

  constructor(parts: NearParts<C>) {
    const { store, feed, maxStaleMs } = parts;
    this.#parts = parts;
    this.#trust = trustIn(feed, maxStaleMs);
    this.#seen = feed.nearTables;
    this.#use(store);
  }

  #use(store: NearStore<C> | undefined): void {
    this.#open = store && nearRowsOf(store.handle, this.#trust);
    this.#own = store?.isOwn ? this.#open : undefined;
  }

  /** The near table for rows of this table, if it can be used. */
  get #present(): NearRows<C> | undefined {
    if (this.#own === undefined) this.#look();
    return this.#own;
  }

  /** Looks for a near table that was opened after the last look, or could not be opened then. */
  #look(): void {
    const { feed, reopen } = this.#parts;
    const opened = feed.nearTables;
    const isAgain = this.#isBarred && bootTimeMs() >= this.#againMs;
    if (this.#isClosed || (opened === this.#seen && !isAgain)) return;
    this.#seen = opened;
    this.#leave();
    this.#isBarred = true;
    this.#againMs = bootTimeMs() + BARRED_MS;
    try {
      const store = reopen();
      this.#isBarred = false;
      // As in `NearCache.open`: before anything is stored in it, others that look for it can know of it.
      if (store?.isOwn) feed.countNearTable();
      this.#use(store);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
    }
  }

  /** What was opened is damaged, or is gone, and another one may be there already. */
  #lose(code: ErrorCode): void {
    this.#seen = code === 'ERR_TABLE_CORRUPT' ? this.#parts.feed.nearTables : Number.NaN;
    this.#leave();
    this.#look();
  }

  #leave(): void {
    this.#open?.handle.close();
    this.#open = undefined;
    this.#own = undefined;
  }

  /** Why this host keeps no rows; null if it does. */
  get problem(): string | null {
    if (this.#present !== undefined) return null;
    if (this.#isBarred) return 'the near table cannot be opened: it has no room for this process, or is damaged';
    return this.#open === undefined
      ? 'the near table was destroyed'
      : 'another program of this host keeps the rows of this table with other columns';
  }

  /** The row, if this host has it and can trust it. */
  peek(key: string): Row<C> | undefined {
    const own = this.#own ?? this.#present;
    if (own === undefined) return undefined;
    try {
      const row = own.peek(key);
      if (row === undefined) this.#misses++;
      else this.#hits++;
      return row;
    } catch (error) {
      return this.#unfit(own, error, true);
    }
  }

  /** The same with revision and lifetime. With `isStored`, values are in their stored form: a `json` value as its text. */
  peekRow(key: string, isStored = false): ReadRow<C> | undefined {
    const own = this.#own ?? this.#present;
    if (own === undefined) return undefined;
    try {
      const row = isStored ? own.peekStored(key) : own.peekEntry(key);
      if (row === undefined) this.#misses++;
      else this.#hits++;
      return row;
    } catch (error) {
      return this.#unfit(own, error, true);
    }
  }

  /** `peekRow` in the form of `Table.entry`. */
  peekEntry(key: string): Entry<C> | undefined {
    const found = this.peekRow(key);
    return found === undefined ? undefined : this.#parts.rows.entryOf(key, found);
  }

  #isTrusted(grant: number, slot: number): boolean {
    return this.#trust(grant, slot, bootTimeMs());
  }

  /** Reads a row at its primary and stores it here, if nothing changed meanwhile. */
  async load(key: string): Promise<ReadRow<C> | undefined> {
    const { rows, feed } = this.#parts;
    const wire = rows.wireKey(key);
    const slot = slotOf(wire);
    const owner = rows.nodes.ownerOf(slot);
    const grant = owner?.isReady ? this.#grantOf(slot, owner) : 0;
    const lease = grant === 0 ? undefined : this.#lease(key, slot);
    if (owner === undefined || lease === undefined) {
      this.#uncachedReads++;
      return rows.read(key);
    }
    const sentMs = bootTimeMs();
    let reply: unknown;
    try {
      // Straight to the server of the grant: an answer of another one says nothing about it.
      reply = await owner.run(READ, wire, []);
    } catch (error) {
      this.#release(key, lease);
      // The same server is not waited for twice. Timers may be a millisecond early.
      const isOver = bootTimeMs() - sentMs >= rows.nodes.connection.timeoutMs - 1;
      if (isOver && error instanceof ShmTableError && rows.nodes.ownerOf(slot) === owner) throw error;
      return rows.read(key);
    }
    const found = rows.decodeRead(key, reply);
    if (found !== undefined && feed.grantOf(slot) === grant && this.#store(key, slot, grant, lease, found, sentMs)) {
      this.#fills++;
      return found;
    }
    if (found !== undefined) this.#refusedFills++;
    this.answered(key, found?.revision);
    return found;
  }

  /** The grant of the slot's owner, if it is trusted at the moment and covers this table. */
  #grantOf(slot: number, owner: NodeConnection): number {
    const { feed, table } = this.#parts;
    const grant = feed.grantOf(slot);
    if (!this.#isTrusted(grant, slot)) return 0;
    let hash = this.#hashes.get(owner);
    if (hash === undefined) {
      hash = addressHash(owner.address);
      this.#hashes.set(owner, hash);
    }
    return feed.covers(grant, hash, table) ? grant : 0;
  }

  /** Holds the place of a row; undefined when another reader does. */
  #lease(key: string, slot: number): Lease<C> | undefined {
    const own = this.#present;
    if (own === undefined) return undefined;
    try {
      const held = own.held(key);
      // An old row that nobody trusts any more makes way.
      if (held !== undefined && held.grant === 0) return undefined;
      const place: object = { $grant: 0, $slot: slot };
      const options = { ttl: LEASE_MS, ifRevision: held?.localRevision };
      const { outcome, revision } = own.engine.write(
        held === undefined ? 'insert' : 'put',
        key,
        place as RowInput<C>,
        options,
      );
      return outcome === 'inserted' || outcome === 'updated' ? { own, revision } : undefined;
    } catch (error) {
      return this.#unfit(own, error);
    }
  }

  #store(key: string, slot: number, grant: number, lease: Lease<C>, found: ReadRow<C>, sentMs: number): boolean {
    const { maxAgeMs } = this.#parts;
    const now = bootTimeMs();
    // By the time that has passed since the question was asked, and the server's rounding: early by one trip, never late.
    const left = found.msLeft - 1 - (now - sentMs);
    if (left <= 0) return false;
    const row: object = {
      ...found.row,
      $until: now + Math.min(maxAgeMs, left),
      $expires: found.msLeft === Number.POSITIVE_INFINITY ? 0 : now + left,
      $revision: found.revision,
      $grant: grant,
      $slot: slot,
    };
    const options = { ifRevision: lease.revision, ttl: null };
    try {
      return lease.own.engine.write('update', key, row as RowInput<C>, options).outcome === 'updated';
    } catch (error) {
      this.#unfit(lease.own, error);
      this.#release(key, lease);
      return false;
    }
  }

  /**
   * A row that does not fit, or a table that cannot be written to at the moment, is not stored. A table that is gone is
   * replaced by the one that has its name now.
   */
  #unfit(rows: NearRows<C>, error: unknown, isRead = false): undefined {
    if (!(error instanceof ShmTableError)) throw error;
    if (GONE.has(error.code)) {
      if (rows === this.#open) this.#lose(error.code);
    } else if (isRead) {
      throw error;
    }
    return undefined;
  }

  #release(key: string, { own, revision }: Lease<C>): void {
    try {
      own.engine.remove(key, { ifRevision: revision });
    } catch (error) {
      this.#unfit(own, error);
    }
  }

  answered(key: string, revision: number | undefined): void {
    for (;;) {
      if (this.#own === undefined) this.#look();
      const open = this.#open;
      if (open === undefined) {
        if (this.#isBarred) this.#voidGrantOf(key);
        return;
      }
      try {
        const held = open.held(key);
        if (held === undefined) return;
        const { grant, slot } = held;
        const isNew = revision !== undefined && held.revision >= revision;
        if (!isNew || !this.#isTrusted(grant, slot)) open.engine.remove(key);
        return;
      } catch (error) {
        this.#unfit(open, error);
        // The one that is there now may have the row too.
        if (this.#open !== open) continue;
        // It could not be removed: a stopped process has the lock.
        this.#voidGrantOf(key);
        return;
      }
    }
  }

  /** What is stored of this row, which this process cannot remove, is trusted by nobody any more. */
  #voidGrantOf(key: string): void {
    const { feed, rows } = this.#parts;
    feed.void(feed.grantOf(slotOf(rows.wireKey(key))));
  }

  stats(): NearStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      fills: this.#fills,
      refusedFills: this.#refusedFills,
      uncachedReads: this.#uncachedReads,
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#leave();
  }
}
