/**
 * Keeps a number of workers running: starts them, replaces those that die (immediately, or after a growing delay if
 * they died soon after their start), and replaces or stops them all.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { FastifyBaseLogger } from 'fastify';
import { ShmTableError } from '../errors.js';
import { monotonicMs, pause, timers } from '../memory/index.js';
import type { ServiceEvent } from './event-log.js';
import type { ListeningSockets } from './listening-sockets.js';
import { type CounterFamily, counterOf } from './metrics/metric-families.js';
import type { ServiceMemory } from './service-memory.js';
import type { TokenSettings } from './settings/security-schema.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { isWorkerMessage, type PrimaryMessage } from './worker-messages.js';

const WORKER_FILE = fileURLToPath(new URL('./worker.js', import.meta.url));
/** A worker that dies after having served this long did not die from a problem at startup. */
const GROWN_UP_MS = 1000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** How a worker is stopped. */
interface Ending {
  /** How long it keeps idle connections. */
  readonly idleMs: number;
  /** Time limit for completing its current requests. */
  readonly limitMs: number;
}

/** When the service ends: there is no other worker to go to, so waiting for idle connections only causes delay. */
export const AT_SHUTDOWN: Ending = { idleMs: 500, limitMs: 10_000 };
/**
 * How long a worker keeps idle connections when its successor already listens: no client waits, and a connection in use
 * sends a request within this time.
 */
const IDLE_AT_REPLACEMENT_MS = 5000;
/** When the idle connections of all replaced workers are to have ended; those of the last ones have less time. */
const IDLE_END_MS = 9000;
const SHORTEST_IDLE_MS = 1000;
/** When a round is over, although workers may still be completing long requests. */
const ROUND_MS = 10_000;

/** Number of successors that start at the same time: the other cores serve requests. */
function startsAtOnce(): number {
  return Math.max(2, Math.floor(availableParallelism() / 2));
}

interface TokenWait {
  readonly worker: ChildProcess;
  readonly round: number;
  readonly resolve: () => void;
}

interface WorkerPoolEvents {
  /** The worker with this process id has ended, for any reason. */
  gone: [pid: number];
}

export class WorkerPool extends EventEmitter<WorkerPoolEvents> {
  #settings: ServiceSettings;
  readonly #sockets: ListeningSockets;
  readonly #memory: ServiceMemory;
  readonly #log: FastifyBaseLogger;
  /** Workers that serve or are starting; not those being stopped. */
  readonly #workers = new Set<ChildProcess>();
  /** All workers that have not ended, including those being stopped. */
  readonly #running = new Set<ChildProcess>();
  #wanted: number;
  #filling = false;
  #pauseMs = 0;
  /** The requested round of replacements that has not begun. */
  #nextRound: Promise<void> | undefined;
  #lastRound: Promise<void> = Promise.resolve();
  #tokenRound = 0;
  /** Calls that wait for a worker to accept the tokens of a round. */
  readonly #tokenWaits = new Set<TokenWait>();
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

  /** Process ids of the workers that were replaced and complete their last requests. */
  get draining(): number[] {
    return [...this.#running].flatMap((worker) => (this.#workers.has(worker) ? [] : (worker.pid ?? [])));
  }

  /** Starts all workers; resolves when all of them listen. Rejects with ERR_INTERNAL if one cannot. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#wanted }, () => this.#start()));
  }

  /**
   * Replaces the workers, a few at a time, with ones that have these settings; a successor listens before its predecessor
   * stops accepting. Resolves when the predecessors have ended, except for those with long requests. Calls during a round
   * share one more round after it. Rejects when a successor cannot serve; the remaining workers then keep running.
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

  /** Makes every worker, including those being stopped, accept only these tokens; resolves when all do. */
  async replaceTokens(tokens: readonly TokenSettings[]): Promise<void> {
    const round = ++this.#tokenRound;
    const message: PrimaryMessage = { type: 'tokens', tokens, round };
    await Promise.all(
      [...this.#running].map(
        (worker) =>
          new Promise<void>((resolve) => {
            this.#tokenWaits.add({ worker, round, resolve });
            worker.send(message, (error) => error && this.#hasTokens(worker, round));
          }),
      ),
    );
  }

  /** A worker accepts only the tokens of this round, or a later one. */
  #hasTokens(worker: ChildProcess, round: number): void {
    for (const wait of this.#tokenWaits) {
      if (wait.worker !== worker || wait.round > round) continue;
      this.#tokenWaits.delete(wait);
      wait.resolve();
    }
  }

  /** Stops every worker after its current requests; one that is being replaced now gets the same time as the others. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#running].map((worker) => this.#end(worker, AT_SHUTDOWN)));
  }

  async #replaceEach(): Promise<void> {
    const began = monotonicMs();
    const waiting = [...this.#workers];
    // Predecessors end while further successors start: waiting for one after the other would take minutes.
    const ends: Promise<void>[] = [];
    const replaceNext = async (): Promise<void> => {
      for (let worker = waiting.shift(); worker !== undefined; worker = waiting.shift()) {
        await this.#replace(worker, began, ends);
        if (this.#stop.signal.aborted) return;
      }
    };
    const starters = Array.from({ length: startsAtOnce() }, () =>
      replaceNext().catch((error: unknown) => {
        // The remaining workers keep running.
        waiting.length = 0;
        throw error;
      }),
    );
    const failed = (await Promise.allSettled(starters)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    const restMs = Math.max(0, ROUND_MS - (monotonicMs() - began));
    if (!this.#stop.signal.aborted) await Promise.race([Promise.all(ends), pause(restMs, this.#stop.signal)]);
  }

  /** Starts the successor of a worker and then begins to end the worker; `began` is when the round did. */
  async #replace(worker: ChildProcess, began: number, ends: Promise<void>[]): Promise<void> {
    // Tables have room for twice the workers, and some of earlier rounds may still have requests.
    while (this.#running.size >= 2 * this.#settings.workers) await once(this, 'gone');
    // It has died and been replaced.
    if (this.#stop.signal.aborted || !this.#workers.has(worker)) return;
    this.#wanted++;
    try {
      await this.#start();
    } finally {
      this.#wanted--;
    }
    // If it died meanwhile without being replaced, its successor replaces it.
    if (this.#stop.signal.aborted || this.#workers.size <= this.#wanted) return;
    const restMs = Math.max(SHORTEST_IDLE_MS, IDLE_END_MS - (monotonicMs() - began));
    const ending = {
      idleMs: Math.round(Math.min(IDLE_AT_REPLACEMENT_MS, restMs)),
      limitMs: this.#settings.limits.drainTimeoutMs,
    };
    ends.push(this.#end(this.#workers.has(worker) ? worker : [...this.#workers][0], ending));
  }

  /** Starts a worker; resolves when it listens, and rejects if it ends before. */
  #start(): Promise<void> {
    const descriptors = this.#sockets.descriptors;
    const task: PrimaryMessage = {
      type: 'serve',
      settings: this.#settings,
      listeners: descriptors.length,
      memory: this.#memory.name,
    };
    const worker = fork(WORKER_FILE, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
    });
    this.#workers.add(worker);
    this.#running.add(worker);
    worker.send(task, () => undefined);
    return new Promise((resolve, reject) => {
      let readyAt: number | undefined;
      let reason = '';
      worker.on('message', (message: unknown) => {
        if (!isWorkerMessage(message)) return;
        if (message.type === 'tokens replaced') this.#hasTokens(worker, message.round);
        else if (message.type === 'failed') reason = message.reason;
        else if (message.type === 'ready') {
          readyAt = monotonicMs();
          this.#tell('shmtable_worker_starts_total', { type: 'worker started', worker: worker.pid ?? 0 });
          resolve();
        }
      });
      // Without a process there is no 'exit' event; with one, a message was lost because the worker is ending.
      worker.on('error', (error) => {
        if (worker.pid !== undefined) return;
        this.#workers.delete(worker);
        this.#running.delete(worker);
        reject(error);
      });
      worker.once('exit', (code, signal) => {
        this.#running.delete(worker);
        this.#hasTokens(worker, this.#tokenRound);
        const expected = !this.#workers.delete(worker) || this.#stop.signal.aborted;
        const { pid = 0 } = worker;
        this.emit('gone', pid);
        if (readyAt === undefined && this.#stop.signal.aborted) resolve();
        else if (readyAt === undefined) {
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

  /** Starts workers until there are enough. */
  async #fill(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    while (!this.#stop.signal.aborted && this.#workers.size < this.#wanted) {
      try {
        // Not unref'd: without any worker, only this timer keeps the primary running.
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

  /** Never rejects: a worker that dies before it receives the message has ended too. */
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
