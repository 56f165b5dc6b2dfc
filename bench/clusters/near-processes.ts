/** Other processes of this host with a near cache, and the segment of their feed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { beforeEnd } from '../../src/bench/before-end.js';
import { clusterId, FeedMemory, feedName } from '../../src/cluster/feed-memory.js';
import { parseClusterOptions } from '../../src/cluster/options.js';
import { NAMESPACE, type RowCluster } from './row-cluster.js';

const PROCESS = fileURLToPath(new URL('./near-process.js', import.meta.url));

export class NearProcess {
  readonly #child: ChildProcess;
  readonly #kill: () => void;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#kill = beforeEnd(() => child.kill('SIGKILL'));
  }

  /** Starts it, and resolves when it has read the first `rows` rows into its near cache. */
  static async start(cluster: RowCluster, maxStaleMs: number, rows: number): Promise<NearProcess> {
    const options = cluster.options({ capacity: Math.max(1, cluster.rows), maxStaleMs });
    const child = fork(PROCESS, [JSON.stringify(options), String(rows)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const started = new NearProcess(child);
    await started.#answer();
    return started;
  }

  async #answer(): Promise<void> {
    await Promise.race([
      once(this.#child, 'message'),
      once(this.#child, 'exit').then(() => {
        throw new Error('a process with a near cache ended');
      }),
    ]);
  }

  /** Reads the rows again that its host has lost. */
  async warm(): Promise<void> {
    this.#child.send('warm');
    await this.#answer();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Kills it, and resolves with the time at which that was done. */
  async kill(): Promise<number> {
    const ended = once(this.#child, 'exit');
    const at = performance.now();
    this.#kill();
    await ended;
    return at;
  }
}

/** The segment of the feed of this host, once a process has opened the table. */
export function feedOf(cluster: RowCluster): FeedMemory {
  const { connection } = parseClusterOptions(cluster.options(false));
  const feed = FeedMemory.openIfThere(feedName(NAMESPACE, clusterId(connection)));
  if (feed === undefined) throw new Error('no process of this host has opened a feed');
  return feed;
}
