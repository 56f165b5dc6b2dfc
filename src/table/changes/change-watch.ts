import { ShmTableError } from '../../errors.js';
import { timers, turn, WordWatch } from '../../memory/index.js';
import type { Change, Gap } from '../types.js';
import type { ChangeFeed } from './change-feed.js';

/**
 * How often waiting watches check whether a writer has died, in milliseconds: it may have committed a change without
 * publishing it, or died just before it woke them. The same applies to a process that destroyed the table.
 */
const SETTLE_MS = 100;
/** Changes that a watch reads in a row before other work of this thread gets its turn. */
const CHANGES_PER_TURN = 256;

/** Why no change is returned: there is none, the next one is being written, or other work must get its turn. */
type NothingYet = 'none' | 'pending' | 'more';

/** What a watch needs of its table. */
interface WatchedTable {
  readonly name: string;
  /** Throws when the table is closed or destroyed. */
  assertOpen(): void;
  /** Finishes what dead writers left open. */
  settleDead(): void;
}

interface Waiter {
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * The watches of one table handle. They share one thread that sleeps on the feed, and one timer that settles dead
 * participants, from the first wait to the end of the last watch.
 */
export class ChangeWatches {
  #feed: ChangeFeed | undefined;
  readonly #table: WatchedTable;
  readonly #readOnly: boolean;
  readonly #open = new Set<ChangeWatch>();
  #waiting: Waiter[] = [];
  #thread: WordWatch | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: ChangeFeed, table: WatchedTable, readOnly: boolean) {
    this.#feed = feed;
    this.#table = table;
    this.#readOnly = readOnly;
  }

  /** The feed of the table as it is now. `ERR_ARGUMENT` when it has none any more. */
  get feed(): ChangeFeed {
    if (this.#feed !== undefined) return this.#feed;
    throw new ShmTableError('ERR_ARGUMENT', `table ${this.#table.name} was altered and has no change feed any more`);
  }

  /** Goes on with the feed of the segment that the table has moved to; undefined when the table has none there. */
  moveTo(feed: ChangeFeed | undefined): void {
    this.#feed = feed;
    this.#stopThread();
    this.#wakeAll();
  }

  /** Creates a watch of the changes after `since`, or of those from now on. */
  watch(prefix: string, since: number | undefined): ChangeWatch {
    const watch = new ChangeWatch(() => this.feed, this.#table, prefix, since ?? this.feed.head - 1, {
      wait: (seen) => this.#wait(seen),
      ended: () => this.#ended(watch),
    });
    this.#open.add(watch);
    return watch;
  }

  /** Resolves when the feed's wake count is no longer `seen`. Throws when no thread can be started. */
  #wait(seen: number): Promise<void> {
    const { feed } = this;
    this.#thread ??= new WordWatch(feed.watchedWord(this.#readOnly), seen, () => this.#wakeAll());
    this.#timer ??= timers.setInterval(() => this.#settleDead(), SETTLE_MS).unref();
    return new Promise((wake, fail) => {
      this.#waiting.push({ wake, fail });
      if (feed.wakeCount !== seen) this.#wakeAll();
    });
  }

  #settleDead(): void {
    if (this.#waiting.length === 0) return;
    try {
      // The process that destroyed the table may have been killed before it woke the watchers.
      this.#table.assertOpen();
      this.#table.settleDead();
    } catch (error) {
      for (const { fail } of this.#takeWaiting()) fail(error);
    }
  }

  #wakeAll(): void {
    for (const { wake } of this.#takeWaiting()) wake();
  }

  #takeWaiting(): readonly Waiter[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #ended(watch: ChangeWatch): void {
    this.#open.delete(watch);
    if (this.#open.size === 0) this.#stopThread();
    this.#wakeAll();
  }

  #stopThread(): void {
    this.#thread?.stop();
    this.#thread = undefined;
    timers.clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the thread; watches that are still waiting find their table closed. */
  close(): void {
    this.#stopThread();
    this.#wakeAll();
  }
}

/** One reader of the feed. Its position is kept in this process only. */
export class ChangeWatch implements AsyncIterableIterator<Change | Gap> {
  /** The feed of the table as it is now: to be asked for after `assertOpen`. */
  readonly #feed: () => ChangeFeed;
  readonly #table: WatchedTable;
  readonly #prefix: string;
  readonly #thread: { wait(seen: number): Promise<void>; ended(): void };
  #next: number;
  #readInTurn = 0;
  #done = false;

  constructor(
    feed: () => ChangeFeed,
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
    try {
      while (!this.#done) {
        this.#table.assertOpen();
        const seen = this.#feed().wakeCount;
        const found = this.poll();
        if (typeof found === 'object') return { done: false, value: found };
        this.#readInTurn = 0;
        if (found === 'more') await turn();
        else await this.#thread.wait(seen);
      }
    } catch (error) {
      // A `for await` does not call `return` when `next` has failed.
      await this.return();
      throw error;
    }
    return { done: true, value: undefined };
  }

  /** The sequence up to which all changes have been returned or did not match: where to resume. */
  get position(): number {
    return this.#next - 1;
  }

  /** Returns the next matching change, without waiting. */
  poll(): Change | Gap | NothingYet {
    for (;;) {
      this.#table.assertOpen();
      if (++this.#readInTurn > CHANGES_PER_TURN) {
        this.#readInTurn = 0;
        return 'more';
      }
      const feed = this.#feed();
      const { head, first, cells } = feed;
      // A position in the future belongs to an earlier table of this name.
      if (this.#next > head) return this.#skipTo(head);
      const found = feed.read(this.#next);
      if (found === 'none' || found === 'pending') return found;
      // Skips to half a ring ahead of the oldest change, or the reader would be overtaken again at once.
      if (found === 'gap') return this.#skipTo(Math.max(this.#next + 1, first, head - Math.ceil(cells / 2)));
      this.#next++;
      if (found.key.startsWith(this.#prefix)) return found;
    }
  }

  #skipTo(next: number): Gap {
    this.#next = next;
    return { type: 'gap', sequence: next - 1 };
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
