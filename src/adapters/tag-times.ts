import type { Cache } from '../cache/index.js';
import { tagHash } from '../cache/tags.js';
import { bootTimeMs } from '../memory/index.js';
import { presentBootMs } from '../table/present.js';
import { Table } from '../table/table.js';
import { besideCache } from './adapter-table.js';

/** A tag's hash selects its slot, so the table is never full. Tags that share a slot are revalidated together. */
const SLOTS = 16_384;
/** The row whose `expired` is the epoch: when the table was created. */
const EPOCH = 'epoch';

/**
 * Boot times in milliseconds. Entries older than `expired` have expired; entries older than `stale` are stale, and expire
 * at `limit`.
 */
const COLUMNS = { expired: 'float64', stale: 'float64', limit: 'float64' } as const;

export type TagState = 'current' | 'stale' | 'expired';

/** What an entry records for `stateOf`. */
export interface Dated {
  /** Boot time in milliseconds: the data of the entry are at least as new. */
  readonly madeAt: number;
  /** That of the table when the entry was stored. */
  readonly epoch: number;
}

/** The times at which tags were revalidated, shared by all processes. */
export class TagTimes {
  readonly #table: Table<typeof COLUMNS>;
  /** Identifies the table: if it is destroyed alone, nobody knows what had been revalidated until then. */
  readonly epoch: number = 0;

  constructor(cache: Cache) {
    const { name, namespace } = besideCache(cache, 'tags');
    this.#table = Table.openOrCreate({ name, namespace, capacity: SLOTS + 1, columns: COLUMNS, maxKeyBytes: 8 });
    const row = this.#table.modify(EPOCH, (row) => row ?? { ...NEVER, expired: bootTimeMs() });
    if (row !== undefined) this.epoch = row.expired;
  }

  /** Expires all existing entries with any of the tags. */
  expire(tags: readonly string[]): void {
    const now = bootTimeMs();
    for (const tag of tags) {
      this.#table.modify(slotOf(tag), (row = NEVER) => ({ ...row, expired: Math.max(row.expired, now) }));
    }
  }

  /** Makes all existing entries with any of the tags stale; they expire after `expireMs`. */
  makeStale(tags: readonly string[], expireMs: number): void {
    const now = bootTimeMs();
    const present = presentBootMs();
    for (const tag of tags) {
      this.#table.modify(slotOf(tag), (row = NEVER) => ({
        expired: row.limit <= present ? Math.max(row.expired, row.stale) : row.expired,
        stale: Math.max(row.stale, now),
        // An earlier limit, which may belong to another tag in this slot, stays until it has passed.
        limit: row.limit <= present ? present + expireMs : Math.min(row.limit, present + expireMs),
      }));
    }
  }

  /** The state of an entry with these tags. O(tags). */
  stateOf(tags: readonly string[], { madeAt, epoch }: Dated): TagState {
    if (epoch !== this.epoch) return 'expired';
    let state: TagState = 'current';
    for (const tag of tags) {
      const row = this.#table.get(slotOf(tag));
      if (row === undefined) continue;
      if (row.expired >= madeAt) return 'expired';
      if (row.stale < madeAt) continue;
      if (row.limit <= presentBootMs()) return 'expired';
      state = 'stale';
    }
    return state;
  }

  get isOpen(): boolean {
    return this.#table.isOpen;
  }

  close(): void {
    this.#table.close();
  }
}

const NEVER = { expired: 0, stale: 0, limit: Number.POSITIVE_INFINITY };

function slotOf(tag: string): string {
  return String(tagHash(tag) & (SLOTS - 1));
}
