import { setTimeout as sleep } from 'node:timers/promises';
import {
  GRANTS,
  grantWord,
  LAST_GRANT,
  SLOTS_WORD,
  STANDBY_BYTE,
  TAKEOVERS,
} from '../../../src/cluster/feed-layout.js';
import { clusterId, FeedMemory, feedName } from '../../../src/cluster/feed-memory.js';
import { parseClusterOptions } from '../../../src/cluster/options.js';
import { SLOTS } from '../../../src/cluster/slots.js';
import { bootTimeMs } from '../../../src/memory/index.js';
import { Agent, MAX_STALE_MS, type Role, removeNear, type Scope, TIMEOUT_MS } from '../../cluster/two-hosts.js';
import { ClusterCheck } from '../../fixtures/cluster-check.js';
import { within } from '../../fixtures/deadline.js';
import { startCluster } from '../../fixtures/redis-servers.js';
import type { Replacement } from '../mutant.js';
import type { ClusterReport } from './run-cluster.js';
import { overCopy } from './subject-of.js';

/** From the death of the process with the feed until another one is the feed. */
const LIMIT_MS = 200;

/** Words of the segment's header that are not in use: who is the feed, and how often a feed has found that it is another. */
const FEED_PID = 20;
const STRANGERS = 21;

/** The feeds of the processes say who they are, and notice when another one says so too. */
const WITNESS: readonly Replacement[] = [
  {
    file: 'cluster/feed-thread.js',
    search: 'locks.unlock(STANDBY_BYTE);',
    replace: `memory.words[${FEED_PID}] = process.pid; locks.unlock(STANDBY_BYTE);`,
  },
  {
    file: 'cluster/feed.js',
    search: 'this.#findTables();',
    replace: `if (this.#memory.words[${FEED_PID}] !== process.pid) this.#memory.words[${STRANGERS}]++; this.#findTables();`,
  },
];

/**
 * Kills the process with the feed of a host this many times, beside a reader, a writer and others that can take over. The
 * successor must be there in time, and void every grant of its predecessor before it says that it is the feed and before
 * it gives the first of its own; and there is never more than one.
 */
export async function killFeeds(
  scope: Scope,
  kills: number,
  mutations: readonly Replacement[] = [],
): Promise<ClusterReport> {
  const namespace = `takeovers-${process.pid}`;
  const cluster = await startCluster({ replicas: false });
  scope.teardown(() => cluster.stop());
  const checkName = `${namespace}-check`;
  const check = ClusterCheck.create(checkName);
  scope.teardown(() => check.destroy());
  scope.teardown(() => removeNear(namespace));
  const [url] = cluster.urls;
  return overCopy(scope, [...WITNESS, ...mutations], async () => {
    const agents: Agent[] = [];
    scope.teardown(() => Promise.all(agents.map((agent) => agent.end())));
    const start = async (role: Role): Promise<void> => {
      const limits = [String(MAX_STALE_MS), String(TIMEOUT_MS)];
      const agent = new Agent([role, '0', url, checkName, namespace, ...limits]);
      agents.push(agent);
      await agent.ready();
    };
    for (const role of ['idle', 'idle', 'idle', 'reader', 'writer'] as const) await start(role);
    const { connection } = parseClusterOptions({ name: 'x', columns: {}, cluster: { nodes: [url] } });
    const memory = FeedMemory.openIfThere(feedName(namespace, clusterId(connection)));
    if (memory === undefined) throw new Error('no feed');
    scope.teardown(() => memory.close());
    const host = new WatchedHost(memory, agents, start);
    scope.teardown(() => host.close());
    for (let i = 0; i < kills && host.isAlone; i++) await host.killFeed();
    await host.examine();
    return host.report;
  });
}

class WatchedHost {
  readonly #memory: FeedMemory;
  readonly #agents: Agent[];
  readonly #start: (role: Role) => Promise<void>;
  readonly #locks: ReturnType<FeedMemory['openByteLocks']>;
  readonly #problems: string[] = [];
  readonly #times: number[] = [];

  constructor(memory: FeedMemory, agents: Agent[], start: (role: Role) => Promise<void>) {
    this.#memory = memory;
    this.#agents = agents;
    this.#start = start;
    this.#locks = memory.openByteLocks();
  }

  get report(): ClusterReport {
    const sorted = [...this.#times].sort((a, b) => a - b);
    const shown = (ms: number | undefined): string => `${ms?.toFixed()} ms`;
    return {
      summary: `${sorted.length} kills, another feed after ${shown(sorted[sorted.length >> 1])} in the median, ${shown(sorted.at(-1))} at most`,
      problems: [...new Set(this.#problems)].slice(0, 10),
    };
  }

  close(): void {
    this.#locks.close();
  }

  #load(word: number): number {
    return Atomics.load(this.#memory.words, word);
  }

  /** Whether no feed has found another one beside it. */
  get isAlone(): boolean {
    return this.#load(STRANGERS) === 0;
  }

  /** The process with the feed, when it is trusted and another thread stands by; undefined if there are two. */
  async #feed(): Promise<Agent | undefined> {
    const find = async (): Promise<Agent | undefined> => {
      while (this.isAlone) {
        const pid = this.#load(FEED_PID);
        const agent = this.#agents.find((agent) => agent.pid === pid && !agent.isOver);
        const { grants, provenMs } = this.#memory.stats;
        if (agent && grants === 3 && provenMs < MAX_STALE_MS && this.#locks.isLocked(STANDBY_BYTE)) return agent;
        await sleep(5);
      }
      return undefined;
    };
    return within(20_000, 'a feed that is trusted, and another one that stands by', find());
  }

  /** Grants of those before that are still valid, or owners of slots. */
  #leftOf(last: number): number {
    const { words } = this.#memory;
    const isOld = (number: number): boolean => number > 0 && number <= last;
    let left = 0;
    for (let i = 0; i < GRANTS; i++) if (isOld(words[grantWord(i)])) left++;
    for (let slot = 0; slot < SLOTS; slot++) if (isOld(words[SLOTS_WORD + slot])) left++;
    return left;
  }

  async killFeed(): Promise<void> {
    const feed = await this.#feed();
    if (feed === undefined) return;
    const { problems } = await feed.report();
    this.#problems.push(...problems);
    const before = { takeovers: this.#load(TAKEOVERS), last: this.#load(LAST_GRANT) };
    const diedAt = bootTimeMs();
    feed.kill('SIGKILL');
    let latest = diedAt;
    // How late this process itself ran: death and takeover take several such steps, and a busy machine must not fail the proof.
    let lateMs = 0;
    let tookMs: number | undefined;
    for (let isGranted = false; !isGranted; await sleep(1)) {
      const now = bootTimeMs();
      lateMs = Math.max(lateMs, now - latest);
      latest = now;
      if (now - diedAt > 20_000) throw new Error('no successor');
      isGranted = this.#load(LAST_GRANT) !== before.last;
      if (tookMs === undefined && this.#load(TAKEOVERS) !== before.takeovers) tookMs = now - diedAt;
      if (!isGranted && tookMs === undefined) continue;
      const left = this.#leftOf(before.last);
      if (left > 0) this.#problems.push(`${left} grants of the dead feed are valid, or own slots`);
    }
    if (this.#load(LAST_GRANT) <= before.last) this.#problems.push('numbers of grants are given again');
    if (tookMs === undefined) this.#problems.push('the feed is not counted');
    else this.#times.push(tookMs);
    if (tookMs !== undefined && tookMs > LIMIT_MS + 10 * lateMs)
      this.#problems.push(`another feed after ${tookMs.toFixed()} ms`);
    this.#agents.splice(this.#agents.indexOf(feed), 1);
    await this.#start(feed.role);
  }

  async examine(): Promise<void> {
    await this.#feed();
    for (const agent of this.#agents) {
      const { problems, stale, backward } = await agent.report();
      this.#problems.push(...problems);
      if (stale + backward > 0) this.#problems.push(`${stale} stale and ${backward} backward`);
    }
    if (!this.isAlone) this.#problems.push('a feed was beside another');
  }
}
