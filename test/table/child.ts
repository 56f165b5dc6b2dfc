import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** The path of a compiled fixture. */
export function fixturePath(fixture: string): string {
  return fileURLToPath(new URL(`../fixtures/${fixture}.js`, import.meta.url));
}

/** A fixture in a separate process, which is killed when the test ends. It sends messages, which arrive in order. */
export class Child<T = unknown> {
  readonly process: ChildProcess;
  /** Resolves to its exit code, or to the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #messages: T[] = [];
  #arrived: () => void = () => {};

  private constructor(process: ChildProcess) {
    this.process = process;
    this.ended = once(process, 'exit').then(([code, signal]) => code ?? signal);
    process.on('message', (message: T) => {
      this.#messages.push(message);
      this.#arrived();
    });
    // Its last messages may arrive after 'exit', but not after the end of the channel.
    process.on('disconnect', () => this.#arrived());
  }

  static start<T>(t: Test, fixture: string, ...args: (string | number)[]): Child<T> {
    // Without the flags of this process: source maps would take a tenth of its processor time.
    const process = fork(fixturePath(fixture), args.map(String), { serialization: 'advanced', execArgv: [] });
    const child = new Child<T>(process);
    t.teardown(async () => {
      if (child.process.exitCode === null && child.process.signalCode === null) child.process.kill('SIGKILL');
      await child.ended;
    });
    return child;
  }

  /** The next message. Rejects if the process ends without one. */
  async next(): Promise<T> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (!this.process.connected) throw new Error(`the fixture ended: ${await this.ended}`);
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** Sends it a message to continue. */
  go(): void {
    this.process.send('go');
  }
}
