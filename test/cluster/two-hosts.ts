/** Two hosts that use one table in a cluster: processes whose near caches and feeds are separate. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { STANDBY_BYTE } from '../../src/cluster/feed-layout.js';
import { clusterId, FeedMemory, feedName } from '../../src/cluster/feed-memory.js';
import { parseClusterOptions } from '../../src/cluster/options.js';
import { bootTimeMs } from '../../src/memory/index.js';
import { Segment } from '../../src/memory/segment.js';
import { type AgentReport, ClusterCheck } from '../fixtures/cluster-check.js';
import { eventually, within } from '../fixtures/deadline.js';
import type { RedisCluster } from '../fixtures/redis-servers.js';

const AGENT = fileURLToPath(new URL('../fixtures/cluster-agent.js', import.meta.url));
export const MAX_STALE_MS = 1_000;
export const TIMEOUT_MS = 2_000;

export type Role = 'idle' | 'reader' | 'writer';

/** How a host reaches the cluster, and what to write before a command that is to run there. */
export interface Place {
  readonly url: string;
  readonly before: readonly string[];
}

/** What ends the processes that were started for a test or a proof. */
export type Scope = Pick<Test, 'teardown'>;

export class Agent {
  readonly role: Role;
  readonly process: ChildProcess;

  /** @param before a command that runs the agent's command, which is appended, in its own process */
  constructor(args: readonly [Role, ...string[]], before: readonly string[] = []) {
    [this.role] = args;
    const [execPath, ...execArgv] = [...before, process.execPath];
    this.process = fork(AGENT, args, { execPath, execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async ready(): Promise<this> {
    await within(30_000, 'an agent is ready', once(this.process, 'message'));
    return this;
  }

  async report(): Promise<AgentReport> {
    const answer = once(this.process, 'message');
    this.process.send('report');
    const [report] = await within(30_000, 'an agent reports', answer);
    return report;
  }

  send(message: 'pause' | 'resume' | 'block'): void {
    this.process.send(message);
  }

  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  get isOver(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  async end(): Promise<void> {
    if (this.isOver) return;
    const exit = once(this.process, 'exit');
    this.kill('SIGKILL');
    await exit;
  }
}

/**
 * Host 0 has a writer, a reader and the feed's process; host 1 a reader and the feed's. They are hosts of their own because
 * each reaches the cluster through another node, and a feed is shared by those with the same nodes.
 */
export class TwoHosts {
  readonly cluster: RedisCluster;
  readonly check: ClusterCheck;
  readonly #places: readonly Place[];
  readonly #namespace: string;
  readonly #checkName: string;
  feeds: Agent[] = [];
  readers: Agent[] = [];
  writer!: Agent;

  private constructor(cluster: RedisCluster, namespace: string, places: readonly Place[]) {
    this.cluster = cluster;
    this.#places = places;
    this.#namespace = namespace;
    this.#checkName = `${namespace}-check`;
    this.check = ClusterCheck.create(this.#checkName);
  }

  /** @param places by default each host reaches the cluster through another replica, which knows the topology and stays */
  static async start(
    scope: Scope,
    cluster: RedisCluster,
    namespace: string,
    places: readonly Place[] = cluster.replicas.slice(1, 3).map(({ url }) => ({ url, before: [] })),
  ): Promise<TwoHosts> {
    const hosts = new TwoHosts(cluster, namespace, places);
    scope.teardown(() => hosts.#stop());
    // The first process of a host runs its feed.
    hosts.feeds = await Promise.all([0, 1].map((host) => hosts.start('idle', host)));
    await eventually(
      'both hosts have a feed',
      () => namesOf(namespace).filter((name) => name.includes('feed')).length === 2,
    );
    hosts.readers = await Promise.all([0, 1].map((host) => hosts.start('reader', host)));
    hosts.writer = await hosts.start('writer', 0);
    return hosts;
  }

  start(role: Role, host: number): Promise<Agent> {
    const { url, before } = this.#places[host];
    const limits = [String(MAX_STALE_MS), String(TIMEOUT_MS)];
    return new Agent([role, String(host), url, this.#checkName, this.#namespace, ...limits], before).ready();
  }

  get #agents(): Agent[] {
    return [...this.feeds, ...this.readers, ...(this.writer === undefined ? [] : [this.writer])];
  }

  /** Waits until a thread of this host is ready to take over the feed. */
  async successorStandsBy(host: number): Promise<void> {
    const { connection } = parseClusterOptions({
      name: 'x',
      columns: {},
      cluster: { nodes: [this.#places[host].url] },
    });
    const memory = FeedMemory.openIfThere(feedName(this.#namespace, clusterId(connection)));
    if (memory === undefined) throw new Error(`host ${host} has no feed`);
    const locks = memory.openByteLocks();
    try {
      await eventually('another thread stands by', () => locks.isLocked(STANDBY_BYTE));
    } finally {
      locks.close();
      memory.close();
    }
  }

  /** Waits until readers of both hosts find rows of every primary again. */
  async hitsAgain(ms = 15_000): Promise<number> {
    const began = bootTimeMs();
    const deadline = began + ms;
    for (const reader of this.readers) {
      const first = await reader.report();
      for (;;) {
        const now = await reader.report();
        if (now.hits - first.hits > 500) break;
        if (bootTimeMs() > deadline) throw new Error(`no hits within ${ms} ms: ${JSON.stringify(now)}`);
        await sleep(20);
      }
    }
    return bootTimeMs() - began;
  }

  /** The reports of everybody who reads or writes. */
  async reports(): Promise<{ here: AgentReport[]; there: AgentReport[] }> {
    const [writer, first, second] = await Promise.all([this.writer, ...this.readers].map((agent) => agent.report()));
    return { here: [writer, first], there: [second] };
  }

  /** What does not hold, although it must whatever has happened; and what was done. */
  async examine(): Promise<{ problems: string[]; summary: string }> {
    const { here, there } = await this.reports();
    const all = [...here, ...there];
    const longest = Math.max(...there.map(({ longestStaleMs }) => longestStaleMs));
    const slowest = Math.max(...all.map(({ longestMs }) => longestMs));
    const problems = all.flatMap(({ problems }) => problems);
    const expect = (holds: boolean, problem: string): void => {
      if (!holds) problems.push(problem);
    };
    expect(sum(here, 'stale') === 0, `${sum(here, 'stale')} stale on the writer's host`);
    expect(sum(all, 'backward') === 0, `${sum(all, 'backward')} backward`);
    expect(longest <= MAX_STALE_MS, `${longest.toFixed()} ms old elsewhere`);
    // Two attempts, and the scheduling of a busy machine.
    expect(slowest < 2 * TIMEOUT_MS + 3_000, `an operation took ${slowest.toFixed()} ms`);
    const summary =
      `${sum(all, 'hits')} hits, ${sum(all, 'reads')} reads, ${sum(all, 'writes')} writes, ` +
      `${sum(there, 'stale')} stale elsewhere, at most ${longest.toFixed()} ms, ${sum(all, 'refusedFills')} fills refused, ` +
      `${sum(all, 'unavailable')} unavailable, ${sum(all, 'unknown')} unknown, takeovers ${all.map(({ takeovers }) => takeovers)}`;
    return { problems, summary };
  }

  /** The same as a test. */
  async assertSound(t: Test, what: string): Promise<void> {
    const { problems, summary } = await this.examine();
    t.same(problems, [], what);
    t.comment(`${what}: ${summary}`);
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.end()));
    this.check.destroy();
    removeNear(this.#namespace);
  }
}

function sum(
  reports: readonly AgentReport[],
  what: 'hits' | 'reads' | 'writes' | 'stale' | 'backward' | 'refusedFills' | 'unavailable' | 'unknown',
): number {
  return reports.reduce((total, report) => total + report[what], 0);
}

function namesOf(namespace: string): string[] {
  return Segment.list()
    .map(({ name }) => name)
    .filter((name) => name.includes(`:${namespace}:`));
}

/** Removes the near tables and feeds of a namespace. */
export function removeNear(namespace: string): void {
  for (const name of namesOf(namespace)) Segment.open({ name }).unlink();
}
