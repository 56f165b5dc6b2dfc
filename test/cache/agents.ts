import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Test } from 'tap';
import type { Order, Told } from '../fixtures/cache-agent.js';
import { within } from '../fixtures/deadline.js';
import { fixturePath } from '../table/child.js';

type Answered = Extract<Told, { is: 'answered' }>;

/** A process or thread that runs `cache-agent`. */
export class Agent {
  readonly host: ChildProcess | Worker;
  readonly #told: Told[] = [];
  #arrived: () => void = () => {};
  /** Called at each message. */
  onArrival: () => void = () => {};

  constructor(t: Test, host: ChildProcess | Worker) {
    this.host = host;
    host.on('message', (message: Told) => {
      this.#told.push(message);
      this.#arrived();
      this.onArrival();
    });
    t.teardown(() => this.kill());
  }

  /** Kills it without a chance to clean up, and resolves when it has ended. */
  async kill(): Promise<void> {
    const { host } = this;
    if (host instanceof Worker) await host.terminate();
    else if (host.exitCode === null && host.signalCode === null) {
      const ended = once(host, 'exit');
      host.kill('SIGKILL');
      await ended;
    }
  }

  order(order: Order): void {
    if (this.host instanceof Worker) this.host.postMessage(order);
    else this.host.send(order);
  }

  /** Resolves to the next message of this kind. */
  async next<K extends Told['is']>(is: K, ms = 20_000): Promise<Extract<Told, { is: K }>> {
    const take = async (): Promise<Extract<Told, { is: K }>> => {
      for (;;) {
        const at = this.#told.findIndex((message) => message.is === is);
        if (at >= 0) return this.#told.splice(at, 1)[0] as Extract<Told, { is: K }>;
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
        });
      }
    };
    return within(ms, is, take());
  }

  get isLoading(): boolean {
    return this.#told.some(({ is }) => is === 'loading');
  }
}

export async function startProcesses(t: Test, cache: string, count: number): Promise<Agent[]> {
  const agents = Array.from(
    { length: count },
    () => new Agent(t, fork(fixturePath('cache-agent'), [cache], { execArgv: [] })),
  );
  for (const agent of agents) await agent.next('ready');
  return agents;
}

export async function startThreads(t: Test, cache: string, count: number): Promise<Agent[]> {
  const agents = Array.from(
    { length: count },
    () => new Agent(t, new Worker(fixturePath('cache-agent'), { argv: [cache] })),
  );
  for (const agent of agents) await agent.next('ready');
  return agents;
}

/** The agent that loads; waits until one begins. */
export async function loaderOf(agents: readonly Agent[]): Promise<Agent> {
  const found = new Promise<Agent>((resolve) => {
    const look = (): void => {
      const loader = agents.find((agent) => agent.isLoading);
      if (loader !== undefined) resolve(loader);
    };
    for (const agent of agents) agent.onArrival = look;
    look();
  });
  const loader = await within(20_000, 'a load', found);
  await loader.next('loading');
  return loader;
}

/** The results of all agents, in order. */
export function answersOf(agents: readonly Agent[]): Promise<Answered[]> {
  return Promise.all(agents.map((agent) => agent.next('answered', 30_000)));
}
