import assert from 'node:assert/strict';
import { FixedPool, type Segment } from '../../../src/pools/index.js';
import { ChangeFeed } from '../../../src/table/changes/change-feed.js';
import { readHeader } from '../../../src/table/layout/segment.js';
import { TableMemory } from '../../../src/table/layout/table-memory.js';
import type { ProofKeys } from './operation.js';
import { type Contents, contentsOf, longValues, type ProofTable, proofRow, withLong } from './proof-table.js';

/** The state of a table while no operation is in progress: what readers see, and the counters. */
export interface State {
  readonly contents: Contents;
  readonly counters: string;
  /** How often the watchers were woken. */
  readonly wakes: number;
}

/** How long a write to any bucket may take when its last holder is dead: a fraction of the lock's timeout. */
const MAX_WRITE_MS = 5_000;
/** Values of long columns that need no block. */
const INLINE = { note: 'short', image: new Uint8Array(1), doc: null };

/** Checks a table after one of its processes was killed. Every check throws what it found. */
export class Survivors {
  readonly #table: ProofTable;
  readonly #settleDead: () => void;
  readonly #segment: Segment;
  readonly #keys: ProofKeys;
  readonly #allKeys: readonly string[];
  readonly #feed: ChangeFeed | undefined;

  constructor(
    table: ProofTable,
    settleDead: () => void,
    segment: Segment,
    keys: ProofKeys,
    fillers: readonly string[],
  ) {
    this.#table = table;
    this.#settleDead = settleDead;
    this.#segment = segment;
    this.#keys = keys;
    this.#allKeys = [...keys.chain, ...keys.others, ...fillers];
    if (table.changes === 0) return;
    const layout = readHeader(segment.buffer, table.name);
    this.#feed = new ChangeFeed(TableMemory.open(segment.buffer, layout));
  }

  state(): State {
    const { inserts, updates, deletes, expirations, evictions, heap } = this.#table.stats();
    return {
      contents: contentsOf(this.#table, this.#allKeys),
      counters: `${inserts} inserts, ${updates} updates, ${deletes} deletes, ${expirations} expirations, ${evictions} evictions, ${heap?.used ?? 0} blocks`,
      wakes: this.#feed?.wakeCount ?? 0,
    };
  }

  /**
   * Checks that the dead process's operation is either undone or completed, as readers see immediately after its death.
   *
   * @param settleFirst recovers the dead process first, as the service does; otherwise the next write to the bucket
   * finds its lock held
   * @returns whether readers saw the operation completed immediately after the death
   */
  check(before: State, after: State, options: { stepwise: boolean; settleFirst: boolean }): boolean {
    const seen = contentsOf(this.#table, this.#allKeys);
    this.#checkOldOrNew(seen, before, after);
    if (options.settleFirst) {
      this.#settleDead();
      const now = this.state();
      this.#checkSound();
      this.#checkOldOrNew(now.contents, before, after);
      this.#checkNothingUndone(seen, now.contents, before);
      const old = sameContents(now.contents, before.contents) && now.counters === before.counters;
      const done = sameContents(now.contents, after.contents) && now.counters === after.counters;
      if (this.#feed !== undefined && now.counters !== before.counters)
        assert(now.wakes > before.wakes, 'a change was published but no watcher was woken');
      assert(old || done || options.stepwise, `rows or counters are neither old nor new: ${now.counters}`);
    }
    this.#checkWrites(options.settleFirst ? 'after recovery' : 'before recovery');
    this.#checkSound();
    return !sameContents(seen, before.contents);
  }

  /** Exactly `capacity` rows fit: nothing has leaked. */
  checkCapacity(): void {
    const table = this.#table;
    const lru = table.evict === 'lru';
    for (let i = 0; i <= table.capacity; i++) {
      try {
        table.insert(`one-more-${i}`, { count: i });
      } catch (error) {
        assert(error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_FULL', String(error));
        assert(!lru, 'a table that evicts is full');
        break;
      }
    }
    assert.equal(table.stats().rows, table.capacity, 'rows of a full table');
    this.#checkSound();
    this.#checkHeapCapacity();
  }

  /** One value takes all blocks: none has leaked, and every hint says that it is free. */
  #checkHeapCapacity(): void {
    const { heap } = this.#table.stats();
    if (heap === undefined) return;
    this.#table.clear();
    const image = new Uint8Array(heap.blocks * heap.blockBytes).fill(7);
    withLong(this.#table).set('all-blocks', { image });
    assert.equal(this.#table.stats().heap?.used, heap.blocks, 'blocks of a value that needs all of them');
    this.#checkSound();
  }

  #checkSound(): void {
    const table = this.#table;
    const { ok, problems } = table.verify();
    assert(ok, `verify: ${problems.join('; ')}`);
    const stats = table.stats();
    const { inserts, deletes, expirations, evictions } = stats;
    assert.equal(stats.rows, inserts - deletes - expirations - evictions, 'rows equals the counters');
    if (this.#feed !== undefined)
      this.#checkFeed(this.#feed, inserts + stats.updates + deletes + expirations + evictions);
    assert.equal(stats.participants, 1, 'participants');
    const { heap } = stats;
    assert.equal(heap?.inFlight ?? 0, 0, 'blocks that belong to no row');
    const { rowsAt } = readHeader(this.#segment.buffer, table.name);
    const { used } = FixedPool.open(this.#segment, rowsAt).stats();
    assert.equal(used, stats.rows + table.maxParticipants, 'used row slices are the live rows and the spares');
    // Last, because reading size removes expired rows.
    assert.equal(table.size, [...table.keys()].length, 'size equals the number of visible rows');
  }

  /** Every counted change is in the feed, once and complete, and with increasing revisions for each key. */
  #checkFeed(feed: ChangeFeed, changes: number): void {
    assert.equal(feed.head - 1, changes, 'the number of changes in the feed equals the counters');
    const revisions = new Map<string, number>();
    for (let sequence = 1; sequence < feed.head; sequence++) {
      const change = feed.read(sequence);
      assert(typeof change === 'object', `change ${sequence} of ${feed.head - 1} is ${change}`);
      const earlier = revisions.get(change.key) ?? 0;
      assert(
        change.revision > earlier,
        `change ${sequence} has revision ${change.revision}, an earlier one ${earlier}`,
      );
      revisions.set(change.key, change.revision);
    }
  }

  #checkOldOrNew(seen: Contents, before: State, after: State): void {
    for (const key of this.#allKeys) {
      const now = seen.get(key);
      const [old, done] = [before.contents.get(key), after.contents.get(key)];
      const isOld = now?.text === old?.text;
      assert(isOld || now?.text === done?.text, `${key} is neither old nor new: ${now?.text ?? 'missing'}`);
      if (now === undefined || old === undefined) continue;
      assert(now.revision >= old.revision, `${key} went back from revision ${old.revision} to ${now.revision}`);
    }
  }

  /** A change that a reader has seen is not undone. */
  #checkNothingUndone(seen: Contents, now: Contents, before: State): void {
    for (const key of this.#allKeys) {
      const old = before.contents.get(key)?.text;
      const then = seen.get(key)?.text;
      if (then !== old) assert.equal(now.get(key)?.text, then, `${key} was new before recovery but not after it`);
    }
  }

  /** Every bucket can be written immediately, even if the holder of its lock is dead. */
  #checkWrites(when: string): void {
    for (const key of [this.#keys.chain[0], this.#keys.chain[1], ...this.#keys.others]) {
      const isThere = this.#table.has(key);
      if (!isThere && this.#table.stats().rows >= this.#table.capacity) continue;
      const short = proofRow(77);
      let row = this.#table.stats().heap === undefined ? short : { ...short, ...longValues(77) };
      const old = this.#table.entry(key)?.revision ?? 0;
      const start = performance.now();
      try {
        this.#table.put(key, row, { ttl: null });
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_FULL')) throw error;
        // The heap is full, but values that fit in the row need no block.
        row = { ...short, ...INLINE };
        this.#table.put(key, row, { ttl: null });
      }
      const ms = performance.now() - start;
      const revision = this.#table.entry(key)?.revision ?? 0;
      assert(revision > old, `the write to ${key} ${when} has revision ${revision}, the one before ${old}`);
      assert(ms < MAX_WRITE_MS, `a write to ${key} ${when} took ${ms.toFixed(0)} ms`);
      assert.deepEqual(this.#table.get(key), row, `the row written to ${key} ${when}`);
    }
  }
}

function sameContents(one: Contents, other: Contents): boolean {
  return one.size === other.size && [...one].every(([key, { text }]) => other.get(key)?.text === text);
}
