import { loadAcquire } from '../../memory/index.js';
import { shiftOf } from '../layout/expiry-groups.js';
import type { TableMemory } from '../layout/table-memory.js';

/** In memory for "none": zeroed memory is a table in which nothing expires. */
const NEVER = 0;

/** In the place of moment 0, which a test may make the present. */
const BEFORE_ALL = -1;

/** Where the two moments of group `group` stand in views of 8-byte numbers. */
const PASS = 1;

/**
 * The moments before which no row can have expired: one for each group of neighbouring buckets. They are what keeps
 * the search for expired rows from looking at rows that have not: each look at a group finds some, or raises its moment.
 *
 * A group has two moments of table time: DUE, and PASS, which a pass over the group collects. Its rows expire no sooner
 * than the lower of the two.
 *
 * - A writer lowers PASS, then DUE, with the bucket's lock held from before that until the row is linked.
 * - A pass, one at a time in a group, first lowers DUE to PASS and only then sets PASS to never. It lowers PASS to the
 *   expiry of each row that it leaves, and to the present for a bucket that it finds locked or changing. At the end it
 *   sets DUE to PASS, which raises it, and keeps PASS as it is.
 *
 * Why no row is missed. Take a row that a writer announces while a pass is under way; the lower one must not pass by its
 * expiry once it is linked.
 * - PASS is lowered after the pass has set it to never: then it stays that low until the next pass begins, which lowers
 *   DUE first.
 * - PASS is lowered before: then the writer had the lock when the pass began. The pass finds the bucket locked, and takes
 *   the present; or unlocked, and then the row is linked and the pass sees it.
 * - The pass ends between the two stores of a writer: DUE may end above the row's expiry, but PASS is not.
 * Who reads looks at PASS first: a pass that begins in between has lowered DUE before it clears PASS.
 * Whoever dies or stops in a pass leaves DUE as low as it was, and whoever does so as a writer has announced before the
 * row is there. A moment that is too early costs one look at the group; `test/proofs/model/soonest.pml` has it all, and
 * what happens without each of the rules.
 */
export class ExpiryGroups {
  readonly count: number = 0;
  readonly #doubles: Float64Array;
  readonly #longs: BigInt64Array;
  readonly #words: Int32Array;
  /** Index of the first group's DUE in views of 8-byte numbers. */
  readonly #first: number = 0;
  readonly #shift: number = 0;
  readonly #homeBuckets: number = 0;

  constructor({ doubles, longs, words, layout }: TableMemory) {
    this.#doubles = doubles;
    this.#longs = longs;
    this.#words = words;
    this.#first = layout.expiryGroupsAt / 8;
    this.#shift = shiftOf(layout.homeBuckets);
    this.#homeBuckets = layout.homeBuckets;
    this.count = Math.ceil(layout.homeBuckets / 2 ** this.#shift);
  }

  firstBucket(group: number): number {
    return group * 2 ** this.#shift;
  }

  /** Behind the last bucket. */
  endBucket(group: number): number {
    return Math.min((group + 1) * 2 ** this.#shift, this.#homeBuckets);
  }

  /** Whether a row of the group can have expired at `now` and not been removed yet. */
  isDue(group: number, now: number): boolean {
    const at = this.#first + 2 * group;
    if (hasCome(this.#doubles[at + PASS], now)) return true;
    loadAcquire(this.#words, 2 * at);
    return hasCome(this.#doubles[at], now);
  }

  /** Whether any group is due. O(groups): some 100 ns for 100,000 rows, 4 µs at the most. */
  isAnyDue(now: number): boolean {
    const doubles = this.#doubles;
    const first = this.#first;
    const end = first + 2 * this.count;
    for (let at = first + PASS; at < end; at += 2) if (hasCome(doubles[at], now)) return true;
    loadAcquire(this.#words, 2 * first);
    for (let at = first; at < end; at += 2) if (hasCome(doubles[at], now)) return true;
    return false;
  }

  /** No later than the expiry of any row of the bucket. Infinity for none. */
  soonestOf(bucket: number): number {
    const at = this.#first + 2 * (bucket >>> this.#shift);
    return Math.min(
      this.#doubles[at + PASS] || Number.POSITIVE_INFINITY,
      this.#doubles[at] || Number.POSITIVE_INFINITY,
    );
  }

  /** Requires the lock of the bucket, in which a row will be linked that expires then. */
  announce(bucket: number, expiresAt: number): void {
    const at = this.#first + 2 * (bucket >>> this.#shift);
    this.#lower(at + PASS, expiresAt);
    this.#lower(at, expiresAt);
  }

  /** Begins a pass over all rows of the group. Requires the group's byte lock, as do the next two. */
  beginPass(group: number): void {
    const at = this.#first + 2 * group;
    const left = this.#doubles[at + PASS];
    if (left !== NEVER) this.#lower(at, left);
    Atomics.store(this.#longs, at + PASS, 0n);
  }

  /** Tells the pass of a row that it leaves, by its expiry. */
  leaveRow(group: number, expiresAt: number): void {
    this.#lower(this.#first + 2 * group + PASS, expiresAt);
  }

  endPass(group: number): void {
    const at = this.#first + 2 * group;
    for (;;) {
      const before = Atomics.load(this.#longs, at);
      if (Atomics.compareExchange(this.#longs, at, before, Atomics.load(this.#longs, at + PASS)) === before) return;
    }
  }

  /** `moment` 0 would be never. Plain loads first: nearly always the moment is low enough already, and atomic ones of 8 bytes are slow. */
  #lower(at: number, moment: number): void {
    for (;;) {
      const before = this.#doubles[at];
      if (before !== NEVER && before <= moment) return;
      const expected = bitsOf(before);
      if (Atomics.compareExchange(this.#longs, at, expected, bitsOf(moment || BEFORE_ALL)) === expected) return;
    }
  }
}

/** Also for what is no number, as damage may leave it. */
function hasCome(moment: number, now: number): boolean {
  return moment !== NEVER && !(moment > now);
}

const number = new Float64Array(1);
const bits = new BigInt64Array(number.buffer);

function bitsOf(value: number): bigint {
  number[0] = value;
  return bits[0];
}
