import { FAILED_LOADS, LOADS, WAITS } from './cache-memory-layout.js';
import type { CheckedOptions } from './cache-options.js';
import type { Entries } from './entries.js';
import type { LeaseWait, LeaseWaits } from './lease-waits.js';
import type { Leases, OtherLease, OwnLease } from './leases.js';
import type { Owner } from './owner.js';
import type { ValueRow } from './stored-values.js';

/** A call of `getOrSet` that waits for its value. */
export interface Caller<V> {
  readonly load: () => V | undefined | PromiseLike<V | undefined>;
  readonly options: CheckedOptions;
  /** A load in the background: its caller has the old value, so it does not wait for the loads of others. */
  readonly isInBackground: boolean;
  resolve(value: V | undefined): void;
  reject(error: unknown): void;
}

export interface LoadParts<V> {
  readonly entries: Entries<V>;
  readonly leases: Leases;
  readonly waits: LeaseWaits;
  readonly owner: Owner;
}

/**
 * The load of one key in this handle, and the callers that wait for it. Either this handle has the lease of the key and
 * runs the `load` of one caller, or it waits until the lease of another handle ends. It ends when all callers have
 * their value or error.
 */
export class KeyLoad<V> {
  readonly #parts: LoadParts<V>;
  readonly #key: string;
  readonly #rowKey: string;
  readonly #callers = new Set<Caller<V>>();
  #lease: OwnLease | undefined;
  #wait: LeaseWait | undefined;
  /** The stamp of the entry's tags from before it was loaded. */
  #stamp = '';
  #isClosed = false;

  constructor(parts: LoadParts<V>, key: string, rowKey: string) {
    this.#parts = parts;
    this.#key = key;
    this.#rowKey = rowKey;
  }

  /**
   * Whether a new caller may get the result of this load: not if it is about to end, or if the key was deleted,
   * overwritten or invalidated since the load began.
   */
  get isCurrent(): boolean {
    if (this.#lease === undefined) return this.#callers.size > 0;
    return this.#parts.leases.isHeld(this.#rowKey, this.#lease) && this.#parts.entries.tags.areCurrent(this.#stamp);
  }

  add(caller: Caller<V>): void {
    this.#callers.add(caller);
  }

  /** Removes a caller that no longer waits. */
  remove(caller: Caller<V>): void {
    this.#callers.delete(caller);
    if (this.#callers.size === 0) this.#wait?.wake();
  }

  /** Resolves when no callers are left. Never rejects. */
  async run(): Promise<void> {
    try {
      while (this.#callers.size > 0 && !this.#isClosed) {
        const lease = this.#parts.leases.acquire(this.#rowKey, this.#parts.waits.mayLive);
        if ('number' in lease) await this.#loadUnder(lease);
        else await this.#waitFor(lease);
      }
    } catch (error) {
      this.#rejectAll(error);
    }
  }

  /** Releases the lease and ends the waits of all callers. */
  close(error: unknown): void {
    this.#isClosed = true;
    this.#rejectAll(error);
    if (this.#lease !== undefined) this.#parts.leases.release(this.#rowKey, this.#lease);
  }

  async #loadUnder(lease: OwnLease): Promise<void> {
    this.#lease = lease;
    try {
      const before = this.#parts.entries.table.entry(this.#rowKey);
      const row = this.#freshRow();
      if (row === undefined) await this.#load(lease, before?.revision);
      else {
        this.#parts.leases.release(this.#rowKey, lease);
        this.#resolveAll(row);
      }
    } finally {
      this.#lease = undefined;
    }
  }

  /** The row that others have stored while this one waited or took the lease. */
  #freshRow(): ValueRow | undefined {
    const { entries } = this.#parts;
    const row = entries.find(this.#key, this.#rowKey);
    return row === undefined || entries.isStale(row) ? undefined : row;
  }

  /** `before` is the revision of the row that the load may replace. */
  async #load(lease: OwnLease, before: number | undefined): Promise<void> {
    const { entries, leases, owner } = this.#parts;
    const [caller] = this.#callers;
    this.#stamp = entries.tags.stamp(caller.options.tags);
    owner.count(LOADS);
    let row: ValueRow | undefined;
    try {
      const value = await caller.load();
      if (this.#isClosed) return;
      row = this.#store(value, caller.options, lease, before);
    } catch (error) {
      if (this.#isClosed) return;
      owner.count(FAILED_LOADS);
      this.#lease = undefined;
      this.#callers.delete(caller);
      try {
        leases.release(this.#rowKey, lease);
      } finally {
        caller.reject(error);
      }
      return;
    }
    this.#resolveAll(row);
  }

  /** Stores the loaded value and ends the lease. Returns the row as others will see it, or undefined. */
  #store(
    value: V | undefined,
    options: CheckedOptions,
    lease: OwnLease,
    before: number | undefined,
  ): ValueRow | undefined {
    const { entries, leases } = this.#parts;
    const stored = value === undefined ? undefined : entries.codec.encode(value);
    const isKept = stored !== undefined || options.negativeTtl !== undefined;
    const row = entries.rowOf(this.#key, this.#rowKey, stored, options, this.#stamp) as unknown as ValueRow;
    // Voided: the key was deleted or overwritten since the load began. The callers still get the loaded value.
    if (!leases.isHeld(this.#rowKey, lease)) return row;
    if (!isKept) leases.releaseAbsent(this.#rowKey, lease);
    else {
      const revision = entries.store(this.#key, this.#rowKey, stored, options, this.#stamp, before);
      const isReleased = leases.release(this.#rowKey, lease);
      if (!isReleased && revision !== undefined) entries.removeStored(this.#rowKey, revision);
    }
    return row;
  }

  async #waitFor(lease: OtherLease): Promise<void> {
    const { leases, waits, owner } = this.#parts;
    for (const caller of this.#callers) if (caller.isInBackground) this.#callers.delete(caller);
    if (this.#callers.size === 0) return;
    const wait = waits.begin(this.#rowKey);
    this.#wait = wait;
    try {
      // The lease may have ended before the wait began.
      const now = leases.find(this.#rowKey);
      if (now !== undefined && !now.absent) {
        if (now.owner !== lease.owner || now.life !== lease.life) return;
        owner.count(WAITS);
        wait.follow(now);
        await wait.ended;
      }
    } finally {
      this.#wait = undefined;
      waits.end(wait);
    }
    if (this.#isClosed) return;
    const row = this.#freshRow();
    if (row !== undefined) this.#resolveAll(row);
    else if (leases.find(this.#rowKey)?.absent === true) this.#resolveAll(undefined);
  }

  /** Each caller gets its own copy of the value. */
  #resolveAll(row: ValueRow | undefined): void {
    this.#lease = undefined;
    const callers = [...this.#callers];
    this.#callers.clear();
    for (const caller of callers) {
      try {
        caller.resolve(row === undefined ? undefined : this.#parts.entries.copyOfValue(row));
      } catch (error) {
        caller.reject(error);
      }
    }
  }

  #rejectAll(error: unknown): void {
    const callers = [...this.#callers];
    this.#callers.clear();
    for (const caller of callers) caller.reject(error);
  }
}
