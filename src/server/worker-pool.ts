/**
 * Keeps a number of workers alive: starts them, replaces those that die - at once, or after a growing pause when they
 * die young - and replaces or stops them all.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FastifyBaseLogger } from 'fastify';
import { ShmTableError } from '../errors.js';
import { monotonicMs, pause, timers } from '../memory/index.js';
import type { ServiceEvent } from './event-log.js';
import type { ListeningSockets } from './listening-sockets.js';
import { type CounterFamily, counterOf } from './metrics/metric-families.js';
import type { ServiceMemory } from './service-memory.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { isWorkerMessage, type PrimaryMessage, TASK_VARIABLE, type WorkerTask } from './worker-messages.js';

const WORKER_FILE = fileURLToPath(new URL('./worker.js', import.meta.url));
/** A worker that served this long did not die of what it found at its start. */
const GROWN_UP_MS = 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** How a worker is told to end. */
interface Ending {
  /** How long it leaves idle connections. */
  readonly idleMs: number;
  /** Most time that it has to finish the requests that it has begun. */
  readonly limitMs: number;
}

/** With the service: whoever comes back finds nobody, so that waiting for more requests would only delay the end. */
const AT_SHUTDOWN: Ending = { idleMs: 500, limitMs: 10_000 };
/** For a successor, which is there already: nobody waits, and a client in use comes by within this time. */
const AT_REPLACEMENT: Ending = { idleMs: 5000, limitMs: 40_000 };

interface WorkerPoolEvents {
  /** A worker of this process id is gone, for whatever reason. */
  gone: [pid: number];
}

export class WorkerPool extends EventEmitter<WorkerPoolEvents> {
  #settings: ServiceSettings;
  readonly #sockets: ListeningSockets;
  readonly #memory: ServiceMemory;
  readonly #log: FastifyBaseLogger;
  /** Those that serve, or are about to; not those that have been told to end. */
  readonly #workers = new Set<ChildProcess>();
  #wanted: number;
  #filling = false;
  #pauseMs = 0;
  /** The last round of replacements that was asked for and has not begun. */
  #nextRound: Promise<void> | undefined;
  #lastRound: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(
    settings: ServiceSettings,
    { sockets, memory }: { sockets: ListeningSockets; memory: ServiceMemory },
    log: FastifyBaseLogger,
  ) {
    super();
    this.#settings = settings;
    this.#sockets = sockets;
    this.#memory = memory;
    this.#log = log;
    this.#wanted = settings.workers;
  }

  get pids(): number[] {
    return [...this.#workers].flatMap((worker) => worker.pid ?? []);
  }

  /** Starts all workers; resolves once every one of them listens. ERR_INTERNAL if one cannot. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#wanted }, () => this.#start()));
  }

  /**
   * Replaces the workers one by one, by ones with these settings: each one's successor listens before it stops accepting. Calls while a round is
   * under way share one more round after it. Rejects, with the workers that are left as they were, when a successor
   * cannot serve.
   */
  replaceAll(settings: ServiceSettings): Promise<void> {
    this.#settings = settings;
    this.#nextRound ??= this.#lastRound.then(() => {
      this.#nextRound = undefined;
      const round = this.#replaceEach();
      this.#lastRound = round.catch(() => undefined);
      return round;
    });
    return this.#nextRound;
  }

  /** Lets every worker finish what it has begun. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#workers].map((worker) => this.#end(worker, AT_SHUTDOWN)));
  }

  async #replaceEach(): Promise<void> {
    const old = [...this.#workers];
    for (const worker of old) {
      // Dead, and replaced for that.
      if (!this.#workers.has(worker)) continue;
      this.#wanted++;
      try {
        await this.#start();
      } finally {
        this.#wanted--;
      }
      if (this.#stop.signal.aborted) return;
      // It may have died meanwhile without a replacement: its successor is one.
      if (this.#workers.size > this.#wanted) {
        await this.#end(this.#workers.has(worker) ? worker : [...this.#workers][0], AT_REPLACEMENT);
      }
    }
  }

  /** Starts a worker; resolves once it listens, and rejects if it ends before. */
  #start(): Promise<void> {
    const descriptors = this.#sockets.descriptors;
    const task: WorkerTask = {
      settings: this.#settings,
      listeners: descriptors.length,
      memory: this.#memory.name,
    };
    const worker = fork(WORKER_FILE, [], {
      env: { ...process.env, [TASK_VARIABLE]: JSON.stringify(task) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
    });
    this.#workers.add(worker);
    return new Promise((resolve, reject) => {
      let readyAt: number | undefined;
      let reason = '';
      worker.on('message', (message: unknown) => {
        if (!isWorkerMessage(message)) return;
        if (message.type === 'failed') reason = message.reason;
        else {
          readyAt = monotonicMs();
          this.#tell('shmtable_worker_starts_total', { type: 'worker started', worker: worker.pid ?? 0 });
          resolve();
        }
      });
      // Without a process there will be no 'exit'; with one, a message was lost because the worker is about to end.
      worker.on('error', (error) => {
        if (worker.pid !== undefined) return;
        this.#workers.delete(worker);
        reject(error);
      });
      worker.once('exit', (code, signal) => {
        const expected = !this.#workers.delete(worker) || this.#stop.signal.aborted;
        const { pid = 0 } = worker;
        this.emit('gone', pid);
        if (readyAt === undefined) {
          reject(new ShmTableError('ERR_INTERNAL', `worker ${pid} cannot serve: ${reason || signal || code}`));
        } else this.#tell('shmtable_worker_ends_total', { type: 'worker ended', worker: pid });
        if (expected || readyAt === undefined) return;
        this.#log.warn({ worker: pid, code, signal }, 'worker died');
        this.#tell('shmtable_worker_deaths_total', { type: 'worker died', worker: pid, code, signal });
        if (monotonicMs() - readyAt >= GROWN_UP_MS) this.#pauseMs = 0;
        else this.#growPause();
        void this.#fill();
      });
    });
  }

  /** Starts workers until there are as many as wanted. */
  async #fill(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#stop.signal.aborted && this.#workers.size < this.#wanted) {
      try {
        // Referenced: without any worker, it is all that keeps the primary alive.
        await pause(this.#pauseMs, this.#stop.signal);
        if (this.#stop.signal.aborted) break;
        await this.#start();
        this.#log.info({ workers: this.pids }, 'worker replaced');
      } catch (error) {
        if (this.#stop.signal.aborted) break;
        this.#log.error({ err: error }, 'worker cannot be replaced');
        this.#growPause();
      }
    }
    this.#filling = false;
  }

  #tell(family: CounterFamily, event: ServiceEvent): void {
    counterOf(this.#memory.metrics, family).increment();
    this.#memory.events.add(event);
  }

  #growPause(): void {
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
  }

  /** Never fails: a worker that dies before it hears of it has ended too. */
  async #end(worker: ChildProcess, { idleMs, limitMs }: Ending): Promise<void> {
    this.#workers.delete(worker);
    if (worker.exitCode !== null || worker.signalCode !== null) return;
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    const limit = timers.setTimeout(() => {
      this.#log.warn({ worker: worker.pid, limitMs }, 'worker did not finish in time');
      worker.kill('SIGKILL');
    }, limitMs);
    const message: PrimaryMessage = { type: 'stop', idleMs };
    if (worker.connected) worker.send(message, () => undefined);
    else worker.kill('SIGTERM');
    await exit;
    timers.clearTimeout(limit);
  }
}
