import { ShmTableError } from '../errors.js';
import { type ByteLocks, monotonicMs, timers } from '../memory/index.js';
import { ENTRIES, FIRST_ENTRY, LINK, LOCK, VERSION } from './bucket-layout.js';
import type { Participant } from './participant.js';
import { ROW_EXPIRES_AT } from './row-layout.js';
import type { TableClock } from './table-clock.js';
import type { TableMemory } from './table-memory.js';
import type { Writer } from './writer.js';

/** The byte whose lock is the sweeper's lease, behind those of all participants. The kernel ends it with its holder. */
const LEASE_BYTE = 0x10000;
/** How often a participant looks whether there is something to sweep, in milliseconds. */
const LOOK_MS = 500;
/** CPU time of one step, in milliseconds, and the pause between two. */
const STEP_MS = 1;
const PAUSE_MS = 3;
/** Buckets between two looks at the clock. */
const BUCKETS_PER_LOOK = 16;
/** Looks at a bucket that others write to, before the next pass has to look at it again. */
const LOOKS = 4;
/** Rows that a writer reclaims itself when the table is full, before it tries again. */
const RECLAIM_ROWS = 16;
/** Rest after a look at all buckets, in times of what it took. */
const REST = 10;

/** By whom it removes rows. The writer is asked for when there is something to remove. */
interface SweeperWrites {
  readonly participant: Participant;
  readonly writer: Writer;
}

/**
 * Gives the memory of expired rows back. One participant at a time sweeps, in steps of 1 ms, and holds a bucket for
 * one row at a time. Nobody depends on it: an expired row is absent to everybody from the moment it expires.
 *
 * A timer of each writing handle looks twice a second whether there is something to do: three loads when there is
 * not. It also settles an operation of the handle's own that was interrupted.
 */
export class Sweeper {
  readonly #memory: TableMemory;
  readonly #clock: TableClock;
  readonly #writing: SweeperWrites;
  readonly #locks: ByteLocks;
  readonly #mayRun: () => boolean;
  #timer: NodeJS.Timeout;
  /** Next bucket of the pass under way; -1 when this participant does not sweep. */
  #bucket = -1;
  /** Where `reclaim` goes on, and when it looks everywhere again. */
  #reclaimFrom = 0;
  #restUntil = 0;

  /** `mayRun` tells whether the table is still open and not destroyed. */
  constructor(memory: TableMemory, clock: TableClock, writing: SweeperWrites, locks: ByteLocks, mayRun: () => boolean) {
    this.#memory = memory;
    this.#clock = clock;
    this.#writing = writing;
    this.#locks = locks;
    this.#mayRun = mayRun;
    this.#timer = this.#later(LOOK_MS);
  }

  stop(): void {
    timers.clearTimeout(this.#timer);
  }

  /** The timer does not keep the process alive. It knows of no handle: a forgotten one is collected all the same. */
  #later(ms: number): NodeJS.Timeout {
    return timers.setTimeout(() => this.#run(), ms).unref();
  }

  #run(): void {
    if (!this.#mayRun()) return;
    try {
      this.#writing.participant.settle();
      if (this.#bucket < 0) this.#beginPass();
      if (this.#bucket >= 0) this.#step();
    } catch (error) {
      // A damaged table. Nobody could catch it here; whoever works with the damaged part is told.
      if (!(error instanceof ShmTableError)) throw error;
      this.#leavePass();
    }
    this.#timer = this.#later(this.#bucket < 0 ? LOOK_MS : PAUSE_MS);
  }

  #beginPass(): void {
    if (!this.#clock.mayHaveExpired || !this.#locks.tryLock(LEASE_BYTE)) return;
    this.#bucket = 0;
    // A bucket locked by the dead would count as changing in every pass.
    this.#writing.participant.settleDead();
    this.#clock.beginPass();
  }

  #leavePass(): void {
    if (this.#bucket < 0) return;
    this.#bucket = -1;
    this.#locks.unlock(LEASE_BYTE);
  }

  #step(): void {
    const end = monotonicMs() + STEP_MS;
    do {
      for (let i = 0; i < BUCKETS_PER_LOOK; i++) {
        if (this.#bucket === this.#memory.homeBuckets) {
          this.#clock.endPass();
          this.#leavePass();
          return;
        }
        // A bucket with very many expired rows takes several steps.
        if (this.#sweepBucket(this.#bucket, end)) this.#bucket++;
      }
    } while (monotonicMs() < end);
  }

  /** Removes a bucket's expired rows until `end`; false when time ran out before the last. */
  #sweepBucket(bucket: number, end: number): boolean {
    if (!this.#look(bucket, true)) return true;
    while (this.#writing.writer.expireOne(bucket, false)) if (monotonicMs() > end) return false;
    // What is left is for the next pass: somebody holds the bucket, and may be stopped; or it has changed since.
    if (this.#look(bucket, true)) this.#clock.leaveUnseen();
    return true;
  }

  /**
   * Whether a bucket has an expired row. With `leave`, tells the pass of the others; and of the present when writers
   * were there all the time, for they may have put a row where we had looked before.
   */
  #look(bucket: number, leave: boolean): boolean {
    const words = this.#memory.words;
    const home = this.#memory.homeWord(bucket);
    for (let tries = 0; tries < LOOKS; tries++) {
      const version = Atomics.load(words, home + VERSION);
      const locked = Atomics.load(words, home + LOCK) !== 0;
      const expired = this.#lookOnce(home, leave);
      const still = !locked && Atomics.load(words, home + VERSION) === version;
      if (expired || still || !leave) return expired;
    }
    this.#clock.leaveUnseen();
    return false;
  }

  #lookOnce(home: number, leave: boolean): boolean {
    const { words, doubles } = this.#memory;
    const now = this.#clock.now();
    let expired = false;
    let at = home;
    for (let hops = 0; hops <= this.#memory.overflow.slices; hops++) {
      for (let position = 0; position < ENTRIES; position++) {
        const row = Atomics.load(words, at + FIRST_ENTRY + position);
        if (!this.#memory.isRow(row)) break;
        const expiresAt = doubles[(this.#memory.rowWord(row) + ROW_EXPIRES_AT / 4) / 2];
        if (expiresAt === 0) continue;
        if (expiresAt <= now) expired = true;
        else if (leave) this.#clock.leaveRow(expiresAt);
      }
      const next = Atomics.load(words, at + LINK);
      if (!this.#memory.isOverflow(next)) break;
      at = this.#memory.overflowWord(next);
    }
    return expired;
  }

  /**
   * Removes some expired rows at once, for a writer that finds the table full; how many. `thorough` waits for buckets
   * that others hold, and looks everywhere before it says that there are none. Without, it rests after it has looked
   * everywhere, ten times as long as that took: the row to go may be an unused one instead. O(buckets) when nothing
   * has expired, which the header's seconds rule out most of the time.
   */
  reclaim(thorough: boolean): number {
    if (!this.#clock.mayHaveExpired) return 0;
    const start = monotonicMs();
    if (!thorough && start < this.#restUntil) return 0;
    let removed = 0;
    for (let i = 0; i < this.#memory.homeBuckets && removed < RECLAIM_ROWS; i++) {
      const bucket = this.#reclaimFrom;
      if (this.#look(bucket, false)) while (this.#writing.writer.expireOne(bucket, thorough)) removed++;
      this.#reclaimFrom = (bucket + 1) % this.#memory.homeBuckets;
    }
    if (removed < RECLAIM_ROWS) {
      const end = monotonicMs();
      this.#restUntil = end + REST * (end - start);
    }
    return removed;
  }
}
