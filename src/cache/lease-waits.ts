import { ProcessEnds, timers, WordWatch } from '../memory/index.js';
import type { CacheMemory } from './cache-memory.js';
import type { Leases, OtherLease } from './leases.js';
import type { Owner, OwnerName } from './owner.js';

/**
 * How often waiting handles look whether something has happened of which nobody told: a process that was killed between
 * its commit and the announcement of it, or one whose end this process cannot see, in another process id namespace.
 */
const NET_MS = 100;

/** One who waits for the end of a key's lease. */
export interface LeaseWait {
  /** Resolves once there is something to look at; rejects when the cache is closed or destroyed. */
  readonly ended: Promise<void>;
  /** Resolves `ended`. */
  wake(): void;
  /** Has it resolved, too, when the owner of the lease ends. */
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
    // It may fail before anybody waits for it.
    this.ended.catch(() => {});
  }

  follow(lease: OtherLease): void {
    this.lease = lease;
    this.#waits.watchOwner(this);
  }
}

/**
 * The waits of one cache handle. Two threads sleep for all of them, from the first wait to the end of the last: one on
 * the word that is advanced when a load ends, the other on the ends of the processes that load. Which keys it was is read
 * from the feed of the leases.
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
  /** Owners that lived when they were asked for last, and whose ends are told. */
  readonly #watched = new Set<string>();
  #mayStop = false;

  constructor(memory: CacheMemory, leases: Leases, owner: Owner, assertOpen: () => void) {
    this.#memory = memory;
    this.#leases = leases;
    this.#owner = owner;
    this.#assertOpen = assertOpen;
  }

  /**
   * Begins to wait for the end of a key's lease. Look at the lease only afterwards: its end is not missed from now on.
   * Each must be given to `end`. `ERR_SEGMENT_NO_SPACE` when no thread can be started.
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
    // Not at once: who finds the lease in other hands goes on waiting.
    this.#mayStop = true;
    timers.setImmediate(() => {
      this.#mayStop = false;
      if (this.#waiting.size === 0) this.#stop();
    });
  }

  /**
   * Whether an owner lives. Takes no system call for one that is watched: that it has ended since, those who wait for it
   * are told.
   */
  readonly mayLive = (owner: OwnerName): boolean => {
    return this.#watched.has(nameOf(owner)) || this.#owner.isAlive(owner);
  };

  /** Called by a waiter that knows its owner. */
  watchOwner(waiter: Waiter): void {
    if (waiter.lease !== undefined && !this.#watchedAlive(waiter.lease)) waiter.wake();
  }

  /**
   * Whether the owner of a lease lives; if so, its end is not missed from here on. Asked after the process was added: its
   * id is that of the owner, or the owner is dead.
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

  /** After the word has changed. */
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
      this.#readFeed();
      this.#wakeOfDead();
    } catch (error) {
      this.fail(error);
    }
  }

  #readFeed(): void {
    for (;;) {
      const change = this.#feed?.poll();
      if (change === undefined || change === 'none' || change === 'pending') return;
      if (change === 'more') {
        timers.setImmediate(() => this.#look());
        return;
      }
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

  /** Any of those that are waited for. All are added anew: an id may belong to another process from now on. */
  #processEnded(): void {
    const ends = this.#threads?.ends;
    for (const pid of ends?.pids() ?? []) ends?.remove(pid);
    this.#wakeOfDead();
  }

  /** Wakes whoever waits for an owner that lives no more. Some system calls for each owner. */
  #wakeOfDead(): void {
    this.#watched.clear();
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) this.watchOwner(waiter);
  }

  /** Has all waits fail. */
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
