import { tagHash } from '../cache/tags.js';
import { bootTimeMs } from '../memory/index.js';
import { presentBootMs } from '../table/present.js';
import { Table } from '../table/table.js';

/** A tag has the times of its slot, so that the table is never full. Tags of one slot are revalidated together. */
const SLOTS = 16_384;

/**
 * All are boot times in milliseconds. What is older than `expired` is not used any more; what is older than `stale` is
 * used until `limit`.
 */
const COLUMNS = { expired: 'float64', stale: 'float64', limit: 'float64' } as const;

export type TagState = 'current' | 'stale' | 'expired';

/** When tags were revalidated, for all processes. */
export class TagTimes {
  readonly #table: Table<typeof COLUMNS>;

  constructor(name: string, namespace: string) {
    this.#table = Table.openOrCreate({ name, namespace, capacity: SLOTS, columns: COLUMNS, maxKeyBytes: 8 });
  }

  /** What exists and has one of the tags is not used any more. */
  expire(tags: readonly string[]): void {
    const now = bootTimeMs();
    for (const tag of tags) {
      this.#table.modify(slotOf(tag), (row = NEVER) => ({ ...row, expired: Math.max(row.expired, now) }));
    }
  }

  /** What exists and has one of the tags is stale, and is not used any more after this time. */
  makeStale(tags: readonly string[], expireMs: number): void {
    const now = bootTimeMs();
    const present = presentBootMs();
    for (const tag of tags) {
      this.#table.modify(slotOf(tag), (row = NEVER) => ({
        expired: row.limit <= present ? Math.max(row.expired, row.stale) : row.expired,
        stale: Math.max(row.stale, now),
        // An earlier limit, maybe of another tag, remains until it is over.
        limit: row.limit <= present ? present + expireMs : Math.min(row.limit, present + expireMs),
      }));
    }
  }

  /** The state of what has these tags and was made from data of the boot time `madeAt`. O(tags). */
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
