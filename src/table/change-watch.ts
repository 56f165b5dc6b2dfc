import { WordWatch } from '../memory/index.js';
import type { ChangeFeed } from './change-feed.js';
import type { Change, Gap } from './types.js';

/** How long a change that is being written may take before somebody looks whether its writer has died, in ms. */
const PENDING_MS = 20;

/** What a watch needs of its table. */
export interface WatchedTable {
  /** Throws when the table is closed or destroyed. */
  assertOpen(): void;
  /** Finishes what dead writers left open. */
  settleDead(): void;
}

/**
 * The watches of one table handle. They share one thread that sleeps on the feed from the first wait to the end of the
 * last watch.
 */
export class ChangeWatches {
  readonly #feed: ChangeFeed;
  readonly #table: WatchedTable;
  readonly #readOnly: boolean;
  readonly #waiting = new Set<() => void>();
  readonly #open = new Set<ChangeWatch>();
  #thread: WordWatch | undefined;

  constructor(feed: ChangeFeed, table: WatchedTable, readOnly: boolean) {
    this.#feed = feed;
    this.#table = table;
    this.#readOnly = readOnly;
  }

  /** A new watch of the changes after `since`, or of those that come from now on. */
  watch(prefix: string, since: number | undefined): ChangeWatch {
    const watch = new ChangeWatch(this.#feed, this.#table, prefix, since ?? this.#feed.head - 1, {
      wait: (seen) => this.#wait(seen),
      ended: () => this.#ended(watch),
    });
    this.#open.add(watch);
    return watch;
  }

  /** Resolves when the feed's wake count is not `seen` any more. */
  #wait(seen: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#thread ??= new WordWatch(this.#feed.watchedWord(this.#readOnly), seen, () => this.#wakeAll());
      if (this.#feed.wakeCount !== seen) this.#wakeAll();
    });
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #ended(watch: ChangeWatch): void {
    this.#open.delete(watch);
    if (this.#open.size === 0) this.#stopThread();
  }

  #stopThread(): void {
    this.#thread?.stop();
    this.#thread = undefined;
    this.#wakeAll();
  }

  /** Ends the thread; watches that still wait find their table closed. */
  close(): void {
    this.#stopThread();
  }
}

/** One reader of the feed. Its position is its own; nothing in shared memory knows of it. */
export class ChangeWatch implements AsyncIterableIterator<Change | Gap> {
  readonly #feed: ChangeFeed;
  readonly #table: WatchedTable;
  readonly #prefix: string;
  readonly #thread: { wait(seen: number): Promise<void>; ended(): void };
  #next: number;
  #done = false;

  constructor(
    feed: ChangeFeed,
    table: WatchedTable,
    prefix: string,
    since: number,
    thread: { wait(seen: number): Promise<void>; ended(): void },
  ) {
    this.#feed = feed;
    this.#table = table;
    this.#prefix = prefix;
    this.#next = since + 1;
    this.#thread = thread;
  }

  async next(): Promise<IteratorResult<Change | Gap>> {
    while (!this.#done) {
      const seen = this.#feed.wakeCount;
      const found = this.poll();
      if (found === 'pending') await this.#waitForWriter();
      else if (found === 'none') await this.#thread.wait(seen);
      else return { done: false, value: found };
    }
    return { done: true, value: undefined };
  }

  /** The next change that fits, without waiting. */
  poll(): Change | Gap | 'none' | 'pending' {
    for (;;) {
      this.#table.assertOpen();
      const { head, cells } = this.#feed;
      // A position of the future belongs to a table that was here before.
      if (this.#next > head) return this.#skipTo(head);
      const found = this.#feed.read(this.#next);
      if (found === 'none' || found === 'pending') return found;
      // Half a ring ahead of the oldest change, or it would be overtaken again at once.
      if (found === 'gap') return this.#skipTo(Math.max(this.#next + 1, head - Math.ceil(cells / 2)));
      this.#next++;
      if (found.key.startsWith(this.#prefix)) return found;
    }
  }

  #skipTo(next: number): Gap {
    this.#next = next;
    return { type: 'gap', sequence: next - 1 };
  }

  /** A writer is between claim and publication: a moment, unless it was stopped or killed. */
  async #waitForWriter(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, PENDING_MS));
    this.#table.settleDead();
  }

  async return(): Promise<IteratorResult<Change | Gap>> {
    if (!this.#done) {
      this.#done = true;
      this.#thread.ended();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
