import { fence } from '../../memory/index.js';
import { shiftOf } from '../layout/expiry-groups.js';
import type { TableMemory } from '../layout/table-memory.js';

/** "None" in memory: in zeroed memory nothing ever expires. */
const NEVER = 0;

/** Stored instead of 0, which means "none" but may be the present in a test. */
const BEFORE_ALL = -1;

/** Offset of PASS from DUE in views of 8-byte numbers. */
const PASS = 1;

/**
 * The moments before which no row can have expired: one for each group of neighbouring buckets. They keep the search
 * for expired rows away from groups that have none: each examination of a group finds some, or raises its moment.
 *
 * A group has two moments of table time: DUE, and PASS, which a pass over the group collects. Its rows expire no sooner
 * than the lower of the two.
 *
 * - A writer lowers PASS, then DUE, and holds the bucket's lock from before that until the row is linked.
 * - A pass, at most one at a time in a group, first lowers DUE to PASS and only then sets PASS to never. It lowers PASS
 *   to the expiry of each row that it leaves, and to the present for a bucket that it finds locked or changing. At the
 *   end it raises DUE to PASS, and leaves PASS as it is.
 *
 * Why no row is missed. Consider a row that a writer announces during a pass: when it is linked, the lower of the two
 * moments must not be later than its expiry.
 * - If PASS is lowered after the pass has set it to never, it stays that low until the next pass begins, which lowers
 *   DUE first.
 * - If PASS is lowered before that, the writer had the lock when the pass began. If the pass finds the bucket locked,
 *   it uses the present; if unlocked, the row is linked and the pass sees it.
 * - If the pass ends between the two stores of a writer, DUE may end later than the row's expiry, but PASS does not.
 * Readers load PASS first: a pass that begins in between has lowered DUE before it clears PASS.
 *
 * A process that dies or stops during a pass leaves DUE as low as it was; a writer that does so has announced the row
 * before linking it. A moment that is too early costs one examination of the group. `test/proofs/model/soonest.pml`
 * models all of this, and what happens without each of the rules.
 */
export class ExpiryGroups {
  readonly count: number = 0;
  readonly #doubles: Float64Array;
  readonly #longs: BigInt64Array;
  /** Index of the first group's DUE in views of 8-byte numbers. */
  readonly #first: number = 0;
  readonly #shift: number = 0;
  readonly #homeBuckets: number = 0;

  constructor({ doubles, longs, layout }: TableMemory) {
    this.#doubles = doubles;
    this.#longs = longs;
    this.#first = layout.expiryGroupsAt / 8;
    this.#shift = shiftOf(layout.homeBuckets);
    this.#homeBuckets = layout.homeBuckets;
    this.count = Math.ceil(layout.homeBuckets / 2 ** this.#shift);
  }

  firstBucket(group: number): number {
    return group * 2 ** this.#shift;
  }

  /** The number after that of the last bucket. */
  endBucket(group: number): number {
    return Math.min((group + 1) * 2 ** this.#shift, this.#homeBuckets);
  }

  /** Whether a row of the group can have expired at `now` and not been removed yet. */
  isDue(group: number, now: number): boolean {
    const at = this.#first + 2 * group;
    if (hasCome(this.#doubles[at + PASS], now)) return true;
    fence();
    return hasCome(this.#doubles[at], now);
  }

  /** Whether any group is due. O(groups): some 100 ns for 100,000 rows, at most 4 µs. */
  isAnyDue(now: number): boolean {
    const doubles = this.#doubles;
    const first = this.#first;
    const end = first + 2 * this.count;
    for (let at = first + PASS; at < end; at += 2) if (hasCome(doubles[at], now)) return true;
    fence();
    for (let at = first; at < end; at += 2) if (hasCome(doubles[at], now)) return true;
    return false;
  }

  /** A moment no later than the expiry of any row of the bucket; Infinity for none. */
  soonestOf(bucket: number): number {
    const at = this.#first + 2 * (bucket >>> this.#shift);
    const pass = this.#doubles[at + PASS] || Number.POSITIVE_INFINITY;
    fence();
    return Math.min(pass, this.#doubles[at] || Number.POSITIVE_INFINITY);
  }

  /** Announces that a row which expires at `expiresAt` will be linked in the bucket. Requires the bucket's lock. */
  announce(bucket: number, expiresAt: number): void {
    const at = this.#first + 2 * (bucket >>> this.#shift);
    // Whoever does not see the lock yet has set PASS to never before this loads it.
    fence();
    this.#lower(at + PASS, expiresAt);
    this.#lower(at, expiresAt);
  }

  /** Begins a pass over all rows of the group. Requires the group's byte lock, as do the next two methods. */
  beginPass(group: number): void {
    const at = this.#first + 2 * group;
    const left = this.#doubles[at + PASS];
    if (left !== NEVER) this.#lower(at, left);
    Atomics.store(this.#longs, at + PASS, 0n);
  }

  /** Records the expiry of a row that the pass leaves. */
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

  /**
   * Lowers a moment to `moment`, with 0 replaced, since it would mean never. Plain loads come first: nearly always the
   * moment is low enough already, and atomic loads of 8 bytes are slow.
   */
  #lower(at: number, moment: number): void {
    for (;;) {
      const before = this.#doubles[at];
      if (before !== NEVER && before <= moment) return;
      const expected = bitsOf(before);
      if (Atomics.compareExchange(this.#longs, at, expected, bitsOf(moment || BEFORE_ALL)) === expected) return;
    }
  }
}

/** Also true for NaN, which a damaged table may contain. */
function hasCome(moment: number, now: number): boolean {
  return moment !== NEVER && !(moment > now);
}

const number = new Float64Array(1);
const bits = new BigInt64Array(number.buffer);

function bitsOf(value: number): bigint {
  number[0] = value;
  return bits[0];
}
