import type { Columns } from '../table/types.js';
import type { ClusterRows } from './cluster-rows.js';
import { FeedElection } from './feed-election.js';
import { clusterId, FeedMemory, type FeedStats, feedName } from './feed-memory.js';
import { openNearStore, reopenNearStore } from './near-store.js';
import { type NearStats, NearTable } from './near-table.js';
import type { ParsedClusterOptions } from './options.js';

/** Heartbeats within the time that a row may be stale: several may be late before trust ends. */
const HEARTBEATS = 10;

/** The near cache of one table in this process: its near table, and a part in the feed of the host. */
export class NearCache<C extends Columns> {
  readonly table: NearTable<C>;
  readonly #feed: FeedMemory;
  readonly #election: FeedElection;

  private constructor(table: NearTable<C>, feed: FeedMemory, election: FeedElection) {
    this.table = table;
    this.#feed = feed;
    this.#election = election;
  }

  /** Opens both, and lets `rows` tell it of every answer. Throws what `Table.openOrCreate` does. */
  static open<C extends Columns>(
    { name, namespace, maxKeyBytes, connection }: ParsedClusterOptions,
    near: NonNullable<ParsedClusterOptions['near']>,
    columns: C,
    rows: ClusterRows<C>,
  ): NearCache<C> {
    const cluster = clusterId(connection);
    const feed = FeedMemory.openOrCreate(feedName(namespace, cluster));
    try {
      // The near table must exist before the feed learns of it.
      const wanted = { ...near, namespace, name, cluster, columns, maxKeyBytes };
      const store = openNearStore<C>(wanted);
      // And nothing may be stored in it before processes that have lost another one can notice it.
      feed.countNearTable();
      const { maxStaleMs, maxAgeMs } = near;
      feed.wantHeartbeat(Math.floor(maxStaleMs / HEARTBEATS));
      const reopen = () => reopenNearStore<C>(wanted);
      const table = new NearTable<C>({ store, reopen, feed, rows, table: feed.register(name), maxStaleMs, maxAgeMs });
      rows.listener = table;
      rows.nodes.onMoved = () => feed.noteMoved();
      return new NearCache<C>(table, feed, new FeedElection({ namespace, cluster, connection }, feed));
    } catch (error) {
      feed.close();
      throw error;
    }
  }

  stats(): NearStats & FeedStats {
    const { problem, ...feed } = this.#feed.stats;
    return { ...this.table.stats(), ...feed, problem: this.table.problem ?? problem };
  }

  async close(): Promise<void> {
    this.table.close();
    await this.#election.close();
    this.#feed.close();
  }
}
