import { loadAfter } from '../../memory/index.js';
import { ENTRIES, FIRST_ENTRY, LINK, LOCK, VERSION } from '../layout/bucket.js';
import { ROW_EXPIRES_AT } from '../layout/row.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { BucketNumber, WordIndex } from '../layout/units.js';
import type { ExpiryGroups } from './expiry-groups.js';
import type { TableClock } from './table-clock.js';

/** How often a bucket that others write to is examined before the last result is accepted. */
const LOOKS = 4;

/** Looks for expired rows without a lock. */
export class ExpiredRows {
  readonly groups: ExpiryGroups;
  /** Whether the bucket examined last stayed unchanged meanwhile, and its lock was free. */
  wasStill = false;
  /** The earliest expiry of its rows that have not expired, 0 for none. */
  soonest = 0;
  readonly #memory: TableMemory;
  readonly #clock: TableClock;

  constructor(memory: TableMemory, clock: TableClock, groups: ExpiryGroups) {
    this.#memory = memory;
    this.#clock = clock;
    this.groups = groups;
  }

  get areThereAny(): boolean {
    return this.groups.isAnyDue(this.#clock.now());
  }

  /** In how many groups rows may have expired: as much as `count` has to look at. */
  get groupsDue(): number {
    const now = this.#clock.now();
    let due = 0;
    for (let group = 0; group < this.groups.count; group++) if (this.groups.isDue(group, now)) due++;
    return due;
  }

  /** The number of expired rows: O(rows of the groups that are due). */
  count(): number {
    const { groups } = this;
    const now = this.#clock.now();
    let expired = 0;
    for (let group = 0; group < groups.count; group++) {
      if (!groups.isDue(group, now)) continue;
      const end = groups.endBucket(group);
      for (let bucket = groups.firstBucket(group) as BucketNumber; bucket < end; bucket++) expired += this.in(bucket);
    }
    return expired;
  }

  /** The number of expired rows in a bucket, as far as it can be seen while others write to it. */
  in(bucket: BucketNumber): number {
    const { words } = this.#memory;
    const home = this.#memory.homeWord(bucket);
    let expired = 0;
    for (let tries = 0; tries < LOOKS; tries++) {
      const version = Atomics.load(words, home + VERSION);
      const locked = Atomics.load(words, home + LOCK) !== 0;
      expired = this.#lookOnce(home);
      this.wasStill = !locked && loadAfter(words, home + VERSION) === version;
      if (this.wasStill || locked) break;
    }
    return expired;
  }

  #lookOnce(home: WordIndex): number {
    const { words, doubles } = this.#memory;
    const now = this.#clock.now();
    this.soonest = 0;
    let expired = 0;
    let at = home;
    for (let followed = 0; followed <= this.#memory.overflow.slices; followed++) {
      for (let position = 0; position < ENTRIES; position++) {
        const row = Atomics.load(words, at + FIRST_ENTRY + position);
        if (!this.#memory.isRow(row)) break;
        const expiresAt = doubles[(this.#memory.rowWord(row) + ROW_EXPIRES_AT) / 2];
        if (expiresAt === 0) continue;
        if (expiresAt <= now) expired++;
        else if (this.soonest === 0 || expiresAt < this.soonest) this.soonest = expiresAt;
      }
      const next = Atomics.load(words, at + LINK);
      if (!this.#memory.isOverflow(next)) break;
      at = this.#memory.overflowWord(next);
    }
    return expired;
  }
}
