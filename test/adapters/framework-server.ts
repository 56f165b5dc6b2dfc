import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';
import { fixturePath } from '../table/child.js';

/** A server in a process of its own, which sends its port, and which can be killed and replaced by another process. */
export class FrameworkServer {
  #process: ChildProcess;
  #port: Promise<number>;
  readonly #start: () => ChildProcess;

  /** `fixture` is a program of test/fixtures. */
  constructor(t: Test, fixture: string, args: readonly string[]) {
    this.#start = () => fork(fixturePath(fixture), args, { execArgv: [] });
    this.#process = this.#start();
    this.#port = once(this.#process, 'message').then(([port]) => port);
    t.teardown(() => this.kill());
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Kills the process and starts another one in its place. */
  async replace(): Promise<void> {
    await this.kill();
    this.#process = this.#start();
    this.#port = once(this.#process, 'message').then(([port]) => port);
    await this.#port;
  }

  async request(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${await this.#port}${path}`, { headers });
  }
}
