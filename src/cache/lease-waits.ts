import { ProcessEnds, timers, WordWatch } from '../memory/index.js';
import type { CacheMemory } from './cache-memory.js';
import type { Leases, OtherLease } from './leases.js';
import type { Owner, OwnerName } from './owner.js';

/**
 * How often waiting handles check for events without a notification, in milliseconds: a process was killed between its
 * commit and the notification, or its end cannot be seen from this PID namespace.
 */
const NET_MS = 100;

/** A wait for the end of a key's lease. */
export interface LeaseWait {
  /** Resolves when the lease must be checked; rejects when the cache is closed or destroyed. */
  readonly ended: Promise<void>;
  /** Resolves `ended`. */
  wake(): void;
  /** Makes it also resolve when the owner of the lease ends. */
  follow(lease: OtherLease): void;
}

class Waiter implements LeaseWait {
  readonly rowKey: string;
  readonly ended: Promise<void>;
  readonly #waits: LeaseWaits;
  lease: OtherLease | undefined;
  wake: () => void = () => {};
  fail: (error: unknown) => void = () => {};

  constructor(waits: LeaseWaits, rowKey: string) {
    this.#waits = waits;
    this.rowKey = rowKey;
    this.ended = new Promise<void>((resolve, reject) => {
      this.wake = resolve;
      this.fail = reject;
    });
    // It may reject before it is awaited.
    this.ended.catch(() => {});
  }

  follow(lease: OtherLease): void {
    this.lease = lease;
    this.#waits.watchOwner(this);
  }
}

/**
 * The waits of one cache handle. Two threads sleep for all of them, from the first wait to the end of the last: one on
 * the word that is advanced when a load ends, the other until one of the loading processes ends. The affected keys are
 * read from the change feed of the leases.
 */
export class LeaseWaits {
  readonly #memory: CacheMemory;
  readonly #leases: Leases;
  readonly #owner: Owner;
  /** Throws when the cache is closed or destroyed. */
  readonly #assertOpen: () => void;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #threads: { watch: WordWatch; ends: ProcessEnds; net: NodeJS.Timeout } | undefined;
  #feed: ReturnType<Leases['openFeed']> | undefined;
  #endsSeen = 0;
  /** Owners that were alive when they were last checked, and whose ends are reported. */
  readonly #watched = new Set<string>();
  #mayStop = false;

  constructor(memory: CacheMemory, leases: Leases, owner: Owner, assertOpen: () => void) {
    this.#memory = memory;
    this.#leases = leases;
    this.#owner = owner;
    this.#assertOpen = assertOpen;
  }

  /**
   * Begins to wait for the end of a key's lease. Check the lease only afterwards: from now on its end is not missed.
   * Each wait must be passed to `end`. `ERR_SEGMENT_NO_SPACE` when no thread can be created.
   */
  begin(rowKey: string): LeaseWait {
    this.#start();
    const waiter = new Waiter(this, rowKey);
    const waiters = this.#waiting.get(rowKey);
    if (waiters === undefined) this.#waiting.set(rowKey, new Set([waiter]));
    else waiters.add(waiter);
    return waiter;
  }

  end(wait: LeaseWait): void {
    const { rowKey } = wait as Waiter;
    const waiters = this.#waiting.get(rowKey);
    waiters?.delete(wait as Waiter);
    if (waiters?.size === 0) this.#waiting.delete(rowKey);
    if (this.#waiting.size > 0 || this.#mayStop) return;
    // Not immediately, because a caller that finds the lease taken again continues to wait.
    this.#mayStop = true;
    timers.setImmediate(() => {
      this.#mayStop = false;
      if (this.#waiting.size === 0) this.#stop();
    });
  }

  /**
   * Whether an owner is alive. Makes no system call for a watched owner: if it has ended since, its waiters are
   * notified.
   */
  readonly mayLive = (owner: OwnerName): boolean => {
    return this.#watched.has(nameOf(owner)) || this.#owner.isAlive(owner);
  };

  /** Called by a waiter that knows its owner. */
  watchOwner(waiter: Waiter): void {
    if (waiter.lease !== undefined && !this.#watchedAlive(waiter.lease)) waiter.wake();
  }

  /**
   * Whether the owner of a lease is alive; if so, its end is not missed from here on. Checked after the process was
   * added: the process with this id is then the owner, or the owner is dead.
   */
  #watchedAlive(lease: OwnerName): boolean {
    const name = nameOf(lease);
    if (this.#watched.has(name)) return true;
    const pid = this.#owner.foreignProcessOf(lease);
    if (pid !== undefined) this.#threads?.ends.add(pid);
    if (!this.#owner.isAlive(lease)) return false;
    this.#watched.add(name);
    return true;
  }

  #start(): void {
    if (this.#threads !== undefined) return;
    this.#endsSeen = this.#memory.ends;
    this.#feed = this.#leases.openFeed();
    const seen = this.#memory.wakeCount;
    const watch = new WordWatch(this.#memory.watchedWord, seen, () => this.#look());
    let ends: ProcessEnds;
    try {
      ends = new ProcessEnds(() => this.#processEnded());
    } catch (error) {
      watch.stop();
      throw error;
    }
    this.#threads = { watch, ends, net: timers.setInterval(() => this.#lookEverywhere(), NET_MS).unref() };
  }

  #stop(): void {
    if (this.#threads === undefined) return;
    const { watch, ends, net } = this.#threads;
    this.#threads = undefined;
    this.#watched.clear();
    watch.stop();
    ends.stop();
    timers.clearInterval(net);
    void this.#feed?.return();
    this.#feed = undefined;
  }

  /** Called after the word has changed. */
  #look(): void {
    try {
      this.#assertOpen();
      this.#readFeed();
      const { ends } = this.#memory;
      if (ends === this.#endsSeen) return;
      this.#endsSeen = ends;
      this.#wakeOfDead();
    } catch (error) {
      this.fail(error);
    }
  }

  #lookEverywhere(): void {
    try {
      this.#assertOpen();
      this.#leases.settleDead();
      // There may be further changes after one whose process was stopped while publishing it.
      if (this.#readFeed() === 'pending') this.#wakeAll();
      this.#wakeOfDead();
    } catch (error) {
      this.fail(error);
    }
  }

  #readFeed(): 'none' | 'pending' | 'more' {
    for (;;) {
      const change = this.#feed?.poll() ?? 'none';
      if (change === 'more') timers.setImmediate(() => this.#look());
      if (typeof change === 'string') return change;
      if (change.type === 'gap') this.#wakeAll();
      else if (change.type !== 'insert') this.#wakeKey(change.key);
    }
  }

  #wakeKey(rowKey: string): void {
    for (const waiter of this.#waiting.get(rowKey) ?? []) waiter.wake();
  }

  #wakeAll(): void {
    for (const rowKey of this.#waiting.keys()) this.#wakeKey(rowKey);
  }

  /**
   * Called when any of the watched processes has ended. All are added again, because an id may now belong to another
   * process.
   */
  #processEnded(): void {
    const ends = this.#threads?.ends;
    for (const pid of ends?.pids() ?? []) ends?.remove(pid);
    this.#wakeOfDead();
  }

  /** Resolves the waits for owners that are dead. Some system calls for each owner. */
  #wakeOfDead(): void {
    this.#watched.clear();
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) this.watchOwner(waiter);
  }

  /** Rejects all waits. */
  fail(error: unknown): void {
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.fail(error);
  }

  /** Ends the threads. */
  close(error: unknown): void {
    this.fail(error);
    this.#stop();
  }
}

function nameOf({ owner, life }: OwnerName): string {
  return `${owner}:${life}`;
}
