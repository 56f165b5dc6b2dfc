import { ShmTableError } from '../../errors.js';
import { type ByteLocks, monotonicMs, timers } from '../../memory/index.js';
import type { Writer } from '../hot/write.js';
import type { BucketNumber } from '../layout/units.js';
import type { Participant } from '../participant.js';
import type { ExpiredRows } from './expired-rows.js';
import type { TableClock } from './table-clock.js';

/**
 * The first of the bytes whose locks are leases for passes over groups; it follows all other lock bytes. The kernel
 * releases a lease when its holder dies.
 */
const FIRST_LEASE_BYTE = 0x20000;
/** How often a participant checks whether there is something to sweep, in milliseconds. */
const LOOK_MS = 500;
/** CPU time of one step, in milliseconds, and the pause between two. */
const STEP_MS = 1;
const PAUSE_MS = 3;
/** Rows removed between two checks of the clock. */
const ROWS_PER_LOOK = 16;
/** Rows that a writer reclaims itself when the table is full, before it tries again. */
const RECLAIM_ROWS = 16;
/** How long a table that evicts pauses after a pass that found little, as a multiple of the pass's duration. */
const REST = 10;
const NONE = -1;

/** How rows are removed. The writer is requested only if there is something to remove. */
interface SweeperWrites {
  readonly participant: Participant;
  readonly writer: Writer;
}

/**
 * Frees the memory of expired rows, one due group after another. Nothing depends on it: every reader treats a row as
 * absent from the moment it expires.
 *
 * A timer of each writing handle checks twice a second whether there is something to do, and then works in steps of 1
 * ms. It also settles an interrupted operation of the handle itself. A writer that finds the table full sweeps at once,
 * and so does `size`, a part at a time.
 *
 * A bucket is locked for one row at a time. One that is locked already is skipped: its holder may be stopped.
 */
export class Sweeper {
  readonly #expired: ExpiredRows;
  readonly #clock: TableClock;
  readonly #writing: SweeperWrites;
  readonly #locks: ByteLocks;
  readonly #mayRun: () => boolean;
  #timer: NodeJS.Timeout;
  /** Next group of the current round over all groups; NONE when no round is under way. */
  #tour = NONE;
  /** The bucket at which work in a group stopped with expired rows in it; NONE when it reached the end. */
  #leftAt = NONE;
  /** The group with which `reclaim` continues, and the time until which it may pause. */
  #reclaimFrom = 0;
  #restUntil = 0;
  /**
   * A bucket with expired rows that `reclaim` skipped, NONE if there was none; and the one that was waited for last.
   */
  #passedOver = NONE;
  #waitedFor = NONE;

  /** `mayRun` tells whether the table is still open and not destroyed. */
  constructor(
    expired: ExpiredRows,
    clock: TableClock,
    writing: SweeperWrites,
    locks: ByteLocks,
    mayRun: () => boolean,
  ) {
    this.#expired = expired;
    this.#clock = clock;
    this.#writing = writing;
    this.#locks = locks;
    this.#mayRun = mayRun;
    this.#timer = this.#later(LOOK_MS);
  }

  stop(): void {
    timers.clearTimeout(this.#timer);
  }

  /**
   * The timer neither keeps the process alive nor refers to a handle, so a forgotten handle can be garbage-collected.
   */
  #later(ms: number): NodeJS.Timeout {
    return timers.setTimeout(() => this.#run(), ms).unref();
  }

  #run(): void {
    if (!this.#mayRun()) return;
    try {
      this.#writing.participant.settle();
      if (this.#tour === NONE) this.#beginTour();
      if (this.#tour !== NONE) this.#step();
    } catch (error) {
      // The table is damaged. No caller could catch the error here; operations that use the damaged part throw one.
      if (!(error instanceof ShmTableError)) throw error;
      this.#tour = NONE;
    }
    this.#timer = this.#later(this.#tour === NONE ? LOOK_MS : PAUSE_MS);
  }

  #beginTour(): void {
    if (!this.#expired.areThereAny) return;
    this.#tour = 0;
    // A bucket locked by a dead participant would count as changing in every pass.
    this.#writing.participant.settleDead();
  }

  #step(): void {
    const { groups } = this.#expired;
    const end = monotonicMs() + STEP_MS;
    do {
      if (this.#tour === groups.count) {
        this.#tour = NONE;
        this.#clock.noteTime();
        return;
      }
      const isDue = groups.isDue(this.#tour, this.#clock.now());
      if (isDue) this.#sweep(this.#tour, Number.POSITIVE_INFINITY, end);
      if (!isDue || this.#leftAt === NONE) this.#tour++;
    } while (monotonicMs() < end);
  }

  /**
   * Removes at most `most` expired rows of a group, until the clock reaches `until`; returns how many. If the last call
   * stopped in the middle of this group, it continues there; the whole group is examined before it ends.
   */
  #sweep(group: number, most: number, until: number): number {
    const { groups } = this.#expired;
    const first = groups.firstBucket(group);
    const end = groups.endBucket(group);
    const from = this.#leftAt;
    let removed = 0;
    if (from > first && from < end) {
      removed = this.#removeFrom(from, end, NONE, most, until);
      if (this.#leftAt !== NONE) return removed;
    }
    const lease = FIRST_LEASE_BYTE + group;
    // During another pass this one may remove rows, but must not raise the group's moment.
    const isPass = this.#locks.tryLock(lease);
    try {
      if (isPass) groups.beginPass(group);
      removed += this.#removeFrom(first, end, isPass ? group : NONE, most - removed, until);
      if (isPass && this.#leftAt === NONE) groups.endPass(group);
    } finally {
      if (isPass) this.#locks.unlock(lease);
    }
    return removed;
  }

  /** `group` is the group whose pass records the rows that stay, or NONE. Sets `#leftAt`. */
  #removeFrom(from: number, end: number, group: number, most: number, until: number): number {
    const expired = this.#expired;
    let removed = 0;
    for (let bucket = from as BucketNumber; bucket < end; bucket++) {
      let found = expired.in(bucket);
      if (found > 0) {
        while (this.#writing.writer.expireOne(bucket, false)) {
          removed++;
          if (removed < most && (removed % ROWS_PER_LOOK !== 0 || monotonicMs() < until)) continue;
          this.#leftAt = bucket;
          return removed;
        }
        found = expired.in(bucket);
        if (found > 0) this.#passOver(bucket);
      }
      if (group === NONE) continue;
      // Writers may have added a row to a part that was already searched.
      if (found > 0 || !expired.wasStill) expired.groups.leaveRow(group, this.#clock.firstNow());
      if (expired.soonest !== 0) expired.groups.leaveRow(group, expired.soonest);
    }
    this.#leftAt = NONE;
    return removed;
  }

  /** Chooses the bucket after the one that was waited for last, if there are several. */
  #passOver(bucket: BucketNumber): void {
    const next = this.#passedOver;
    if (next === NONE || (next <= this.#waitedFor && bucket > this.#waitedFor)) this.#passedOver = bucket;
  }

  /**
   * Removes at most `most` expired rows at once, for a writer that finds the table full; returns how many. It never
   * waits. A call either removes expired rows, or saves the next caller the examination of a group.
   */
  reclaim(most = RECLAIM_ROWS): number {
    const { groups } = this.#expired;
    this.#passedOver = NONE;
    const now = this.#clock.now();
    if (!groups.isAnyDue(now)) return 0;
    let removed = 0;
    for (let i = 0; i < groups.count && removed < most; i++) {
      const group = this.#reclaimFrom;
      if (groups.isDue(group, now)) removed += this.#sweep(group, most - removed, Number.POSITIVE_INFINITY);
      if (removed < most) this.#reclaimFrom = (group + 1) % groups.count;
    }
    return removed;
  }

  /**
   * `reclaim` for a table that can evict instead: after a call that found little it pauses for ten times as long as
   * that took, since evicting an unused row serves as well.
   */
  reclaimNowAndThen(): number {
    const start = monotonicMs();
    if (start < this.#restUntil) return 0;
    const removed = this.reclaim();
    const end = monotonicMs();
    if (removed < RECLAIM_ROWS) this.#restUntil = end + REST * (end - start);
    return removed;
  }

  /**
   * Waits for the bucket in which the last `reclaim` had to leave expired rows, and removes them; false when there was
   * none. The last resort, when no other bucket has any. If there are several such buckets, the next call waits for
   * another one. `ERR_LOCK_TIMEOUT`.
   */
  reclaimLocked(): boolean {
    const bucket = this.#passedOver;
    if (bucket === NONE) return false;
    this.#waitedFor = bucket;
    this.#passedOver = NONE;
    while (this.#writing.writer.expireOne(bucket as BucketNumber, true));
    return true;
  }
}
