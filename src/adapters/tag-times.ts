import { tagHash } from '../cache/tags.js';
import { bootTimeMs } from '../memory/index.js';
import { presentBootMs } from '../table/present.js';
import { Table } from '../table/table.js';

/** A tag's hash selects its slot, so the table is never full. Tags that share a slot are revalidated together. */
const SLOTS = 16_384;

/**
 * Boot times in milliseconds. Entries older than `expired` have expired; entries older than `stale` are stale, and expire
 * at `limit`.
 */
const COLUMNS = { expired: 'float64', stale: 'float64', limit: 'float64' } as const;

export type TagState = 'current' | 'stale' | 'expired';

/** The times at which tags were revalidated, shared by all processes. */
export class TagTimes {
  readonly #table: Table<typeof COLUMNS>;

  constructor(name: string, namespace: string) {
    this.#table = Table.openOrCreate({ name, namespace, capacity: SLOTS, columns: COLUMNS, maxKeyBytes: 8 });
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

  /** The state of an entry with these tags that was created from data of the boot time `madeAt`. O(tags). */
  stateOf(tags: readonly string[], madeAt: number): TagState {
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

  close(): void {
    this.#table.close();
  }
}

const NEVER = { expired: 0, stale: 0, limit: Number.POSITIVE_INFINITY };

function slotOf(tag: string): string {
  return String(tagHash(tag) & (SLOTS - 1));
}
