import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';
import { engineOf } from '../table/engine.js';
import { LOADS } from '../table/layout/companions.js';
import { Table } from '../table/table.js';
import type { CacheMemory } from './cache-memory.js';
import { TAKEOVERS } from './cache-memory-layout.js';
import type { Owner, OwnerName } from './owner.js';
import { MAX_ROW_KEY_BYTES } from './row-key.js';
import type { TableSize } from './stored-values.js';

/**
 * Leases record which handle loads which key: a row for each key that is being loaded, in a table with a change feed,
 * which notifies the waiters for a key that its lease has ended.
 *
 * Invariants
 * - The handle that inserts the row has the lease; the row's revision, which never repeats, is the lease's number. On
 *   behalf of a lease, only a row with its revision is changed or removed.
 * - A lease ends when its row is removed or marked absent; or with its owner, which the row names. Any handle may
 *   replace the row of a dead owner, by a compare-and-set on its revision, so that exactly one succeeds.
 * - A value is written before its lease ends. So a handle that sees the end also sees the value, unless there was none.
 */

const columns = { owner: 'uint32', life: 'uint32', absent: 'boolean' } as const;

/**
 * How long a row records that the load of its key has returned `undefined`. Waiters check it within one turn of their
 * event loop.
 */
const ABSENT_MS = 5_000;
/** Interval between attempts to end a lease, in milliseconds. */
const RETRY_MS = 100;
/** Bytes of the feed for each lease. */
const FEED_BYTES_PER_LEASE = 64;

/** A lease of another handle. */
export interface OtherLease extends OwnerName {
  readonly absent: boolean;
}

/** The lease that this handle now has; `number` is undefined if there was no space for its row. */
export interface OwnLease {
  readonly number: number | undefined;
}

/** One lease for this many bytes of the cache, within these limits. Further concurrent loads are not coordinated. */
const BYTES_PER_LEASE = 2_048;
const MIN_LEASES = 1_024;
const MAX_LEASES = 16_384;

/** The options of the table of leases for a cache with this total size. */
export function leasesTableOptions({ name, namespace, maxParticipants }: TableSize, bytes: number) {
  const capacity = Math.min(Math.max(Math.floor(bytes / BYTES_PER_LEASE), MIN_LEASES), MAX_LEASES);
  return {
    name: `${name}.${LOADS}`,
    namespace,
    capacity,
    columns,
    maxKeyBytes: MAX_ROW_KEY_BYTES,
    changes: capacity * FEED_BYTES_PER_LEASE,
    maxParticipants,
  };
}

export class Leases {
  readonly #table: Table<typeof columns>;
  readonly #memory: CacheMemory;
  readonly #owner: Owner;

  constructor(options: ReturnType<typeof leasesTableOptions>, memory: CacheMemory, owner: Owner) {
    this.#table = Table.openOrCreate(options);
    this.#memory = memory;
    this.#owner = owner;
  }

  /**
   * Takes the lease of a key, or returns that of a live owner: one for which `mayLive` returns true.
   */
  acquire(rowKey: string, mayLive: (owner: OwnerName) => boolean): OwnLease | OtherLease {
    const { owner, life } = this.#owner;
    for (;;) {
      const entry = this.#table.entry(rowKey);
      if (entry === undefined) {
        const inserted = this.#insert(rowKey);
        if (inserted !== 'present') return { number: inserted };
        continue;
      }
      const { row, revision } = entry;
      if (!row.absent && mayLive(row)) return row;
      const mine = { owner, life, absent: false };
      const options = { ifRevision: revision, ttl: null };
      const { outcome, revision: number } = engineOf(this.#table).write('update', rowKey, mine, options);
      if (outcome !== 'updated') continue;
      if (!row.absent) this.#owner.count(TAKEOVERS);
      return { number };
    }
  }

  /** The number of the new lease; undefined if there is no space for it even without the leases of dead owners. */
  #insert(rowKey: string): number | undefined | 'present' {
    const { owner, life } = this.#owner;
    for (let isSwept = false; ; isSwept = true) {
      try {
        const { outcome, revision } = engineOf(this.#table).write('insert', rowKey, { owner, life });
        return outcome === 'inserted' ? revision : 'present';
      } catch (error) {
        if (!hasCode(error, 'ERR_TABLE_FULL')) throw error;
        if (isSwept) return undefined;
        this.#sweepDead();
      }
    }
  }

  /** Removes the leases of dead owners whose keys have not been requested since. O(rows). */
  #sweepDead(): void {
    for (const [rowKey, row] of this.#table) {
      if (!this.#owner.isAlive(row)) this.#table.compareAndDelete(rowKey, { owner: row.owner, life: row.life });
    }
  }

  /** The lease of a key, whether its owner is dead or alive. */
  find(rowKey: string): OtherLease | undefined {
    return this.#table.get(rowKey);
  }

  /** Whether a lease has not been voided. */
  isHeld(rowKey: string, { number }: OwnLease): boolean {
    return number === undefined || this.#table.entry(rowKey)?.revision === number;
  }

  /** Ends a lease; false if it was voided before. */
  release(rowKey: string, { number }: OwnLease): boolean {
    if (number === undefined) return true;
    return this.#end(() => engineOf(this.#table).remove(rowKey, { ifRevision: number }).outcome === 'deleted');
  }

  /** Ends a lease and records for the waiters that the load has returned `undefined`. */
  releaseAbsent(rowKey: string, { number }: OwnLease): void {
    if (number === undefined) return;
    const { owner, life } = this.#owner;
    const absent = { owner, life, absent: true };
    const options = { ifRevision: number, ttl: ABSENT_MS };
    this.#end(() => engineOf(this.#table).write('update', rowKey, absent, options).outcome === 'updated');
  }

  /**
   * Ends a lease, later if a process that was stopped inside a write prevents it now: otherwise the lease of a live
   * owner would block its key forever.
   */
  #end(end: () => boolean): boolean {
    try {
      const hasEnded = end();
      this.#memory.wake();
      return hasEnded;
    } catch (error) {
      if (!hasCode(error, 'ERR_LOCK_TIMEOUT')) throw error;
      timers.setTimeout(() => this.#table.isOpen && this.#end(end), RETRY_MS).unref();
      return true;
    }
  }

  /** Voids the lease of a key: the result of its load will not be stored. */
  void(rowKey: string): void {
    if (!this.#table.has(rowKey)) return;
    this.#table.delete(rowKey);
    this.#memory.wake();
  }

  /** Voids all leases. */
  voidAll(): void {
    if (this.#table.stats().rows === 0) return;
    this.#table.clear();
    this.#memory.wake();
  }

  /** Opens a reader of the ends of leases, without waiting: `poll`. */
  openFeed() {
    return engineOf(this.#table).watch();
  }

  /** Publishes changes that dead processes have committed but not published. */
  settleDead(): void {
    engineOf(this.#table).settleDead();
  }

  get bytes(): number {
    return engineOf(this.#table).counts().bytes;
  }

  close(): void {
    this.#table.close();
  }
}
