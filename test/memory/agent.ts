import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Test } from 'tap';
import { ShmTableError } from '../../src/errors.js';
import type { AgentCommands, AgentReply, AgentRequest } from '../fixtures/memory-agent.js';

const FIXTURE = fileURLToPath(new URL('../fixtures/memory-agent.js', import.meta.url));

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Another process or thread with a segment: see `fixtures/memory-agent.ts`. It ends with the test. */
export class Agent {
  readonly #send: (request: AgentRequest) => void;
  readonly #pending = new Map<number, Pending>();
  #requests = 0;

  private constructor(send: (request: AgentRequest) => void) {
    this.#send = send;
  }

  /** Controls a process that runs the fixture, from `fork` or from a cluster. */
  static of(t: Test, child: ChildProcess): Agent {
    const agent = new Agent((request) => child.send(request));
    child.on('message', (reply: AgentReply) => agent.#settle(reply));
    const ended = once(child, 'close').then(([code, signal]) => agent.#fail(`ended with ${signal ?? code}`));
    t.teardown(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    return agent;
  }

  static process(t: Test, env: NodeJS.ProcessEnv = {}): { agent: Agent; child: ChildProcess } {
    const child = fork(FIXTURE, { execArgv: [], env: { ...process.env, ...env } });
    return { agent: Agent.of(t, child), child };
  }

  /** An agent in a grandchild process. */
  static grandchild(t: Test): Agent {
    return Agent.of(t, fork(FIXTURE, ['relay'], { execArgv: [] }));
  }

  static thread(t: Test): { agent: Agent; worker: Worker } {
    const worker = new Worker(FIXTURE);
    const agent = new Agent((request) => worker.postMessage(request));
    worker.on('message', (reply: AgentReply) => agent.#settle(reply));
    worker.on('exit', () => agent.#fail('ended'));
    worker.on('error', (error) => agent.#fail(String(error)));
    t.teardown(() => worker.terminate());
    return { agent, worker };
  }

  /** Executes a command in the agent. Rejects with the agent's `ShmTableError`, or when the agent has ended. */
  call<K extends keyof AgentCommands>(
    command: K,
    ...args: Parameters<AgentCommands[K]>
  ): Promise<ReturnType<AgentCommands[K]>> {
    const id = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as ReturnType<AgentCommands[K]>), reject });
      this.#send({ id, command, args });
    });
  }

  #settle(reply: AgentReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.code === undefined) pending?.resolve(reply.value);
    else pending?.reject(new ShmTableError(reply.code as ShmTableError['code'], reply.message ?? ''));
  }

  #fail(reason: string): void {
    for (const { reject } of this.#pending.values()) reject(new Error(`the agent ${reason}`));
    this.#pending.clear();
  }
}
