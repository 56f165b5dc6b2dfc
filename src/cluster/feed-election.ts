import { Worker } from 'node:worker_threads';
import { monotonicMs, timers } from '../memory/index.js';
import type { FeedIdentity } from './feed.js';
import { STANDBY_BYTE } from './feed-layout.js';
import type { FeedMemory } from './feed-memory.js';

/** How often a process looks whether the host has a thread that stands by. */
const LOOK_MS = 50;
/** After how long a thread that could not run is started again. */
const PAUSE_MS = 1_000;

/**
 * Sees to it that some process of the host runs the feed, as long as this process has a near cache, and that another one
 * stands by: a process starts a thread if none does and it has none itself. A feed that stands still has no successor:
 * then nothing is trusted until it goes on, or its process ends.
 */
export class FeedElection {
  readonly #identity: FeedIdentity;
  readonly #locks: ReturnType<FeedMemory['openByteLocks']>;
  readonly #timer: NodeJS.Timeout;
  #thread: Worker | undefined;
  #notBeforeMs: number = 0;

  constructor(identity: FeedIdentity, memory: FeedMemory) {
    this.#identity = identity;
    this.#locks = memory.openByteLocks();
    this.#timer = timers.setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    this.#look();
  }

  #look(): void {
    if (this.#thread !== undefined || monotonicMs() < this.#notBeforeMs || this.#locks.isLocked(STANDBY_BYTE)) return;
    try {
      this.#start();
    } catch {
      // No thread can be started at the moment: the process has its limit.
      this.#notBeforeMs = monotonicMs() + PAUSE_MS;
    }
  }

  #start(): void {
    const thread = new Worker(new URL('./feed-thread.js', import.meta.url), { workerData: this.#identity });
    thread.unref();
    this.#thread = thread;
    thread.on('error', () => {
      this.#notBeforeMs = monotonicMs() + PAUSE_MS;
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
    });
  }

  /** Ends the thread of this process. */
  async close(): Promise<void> {
    timers.clearInterval(this.#timer);
    this.#locks.close();
    await this.#thread?.terminate();
  }
}
