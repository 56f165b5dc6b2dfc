/**
 * Keeps a number of workers alive: forks them, replaces those that die - at once, or after a growing pause when they
 * die young - and replaces or stops them all.
 */
import cluster, { type Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyBaseLogger } from 'fastify';
import { ShmTableError } from '../errors.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { isWorkerMessage, SETTINGS_VARIABLE, STOP } from './worker-messages.js';

const WORKER_FILE = fileURLToPath(new URL('./worker.js', import.meta.url));
/** A worker that lived this long did not die of what it found at its start. */
const GROWN_UP_MS = 5000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** Most time that a worker has to finish the requests that it has begun. */
const DRAIN_LIMIT_MS = 10_000;

export interface WorkerPoolEvents {
  /** A worker of this process id is gone, for whatever reason. */
  gone: [pid: number];
}

export class WorkerPool extends EventEmitter<WorkerPoolEvents> {
  #settings: ServiceSettings;
  readonly #log: FastifyBaseLogger;
  readonly #workers = new Set<Worker>();
  #pauseMs = FIRST_PAUSE_MS;
  #stopping = false;

  constructor(settings: ServiceSettings, log: FastifyBaseLogger) {
    super();
    this.#settings = settings;
    this.#log = log;
    cluster.setupPrimary({ exec: WORKER_FILE, args: [] });
  }

  get pids(): number[] {
    return [...this.#workers].flatMap((worker) => worker.process.pid ?? []);
  }

  /** Forks all workers; resolves with the address once every one of them listens. ERR_INTERNAL if one cannot. */
  async start(): Promise<string> {
    const addresses = await Promise.all(Array.from({ length: this.#settings.workers }, () => this.#fork()));
    return addresses[0];
  }

  /** Replaces the workers one by one, by ones with these settings: each one's successor listens before it stops. */
  async replaceAll(settings: ServiceSettings): Promise<void> {
    this.#settings = settings;
    for (const worker of [...this.#workers]) {
      if (this.#stopping) return;
      await this.#fork();
      await this.#stop(worker);
    }
  }

  /** Lets every worker finish what it has begun. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#workers].map((worker) => this.#stop(worker)));
  }

  /** Starts a worker; resolves with its address once it listens, and rejects if it ends before. */
  #fork(): Promise<string> {
    const worker = cluster.fork({ [SETTINGS_VARIABLE]: JSON.stringify(this.#settings) });
    this.#workers.add(worker);
    const born = Date.now();
    return new Promise((resolve, reject) => {
      let ready = false;
      let reason = '';
      worker.on('message', (message: unknown) => {
        if (!isWorkerMessage(message)) return;
        if (message.type === 'failed') reason = message.reason;
        else {
          ready = true;
          resolve(message.address);
        }
      });
      // Without a process there will be no 'exit'; with one, a message was lost because the worker is about to end.
      worker.on('error', (error) => {
        if (worker.process.pid !== undefined) return;
        this.#workers.delete(worker);
        reject(error);
      });
      worker.once('exit', (code, signal) => {
        const expected = !this.#workers.delete(worker) || this.#stopping;
        const { pid = 0 } = worker.process;
        this.emit('gone', pid);
        if (!ready) {
          reject(new ShmTableError('ERR_INTERNAL', `worker ${pid} cannot serve: ${reason || signal || code}`));
        }
        if (expected || !ready) return;
        this.#log.warn({ worker: pid, code, signal }, 'worker died');
        void this.#replace(Date.now() - born);
      });
    });
  }

  async #replace(livedMs: number): Promise<void> {
    if (livedMs >= GROWN_UP_MS) this.#pauseMs = FIRST_PAUSE_MS;
    else await this.#backOff();
    while (!this.#stopping) {
      try {
        await this.#fork();
        this.#log.info({ workers: this.pids }, 'worker replaced');
        return;
      } catch (error) {
        this.#log.error({ err: error }, 'worker cannot be replaced');
        await this.#backOff();
      }
    }
  }

  async #backOff(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    await pause(pauseMs, undefined, { ref: false });
  }

  /** Never fails: a worker that dies before it hears of it has stopped too. */
  async #stop(worker: Worker): Promise<void> {
    this.#workers.delete(worker);
    if (worker.isDead()) return;
    const exit = new Promise((resolve) => worker.once('exit', resolve));
    const limit = setTimeout(() => {
      this.#log.warn({ worker: worker.process.pid, limitMs: DRAIN_LIMIT_MS }, 'worker did not finish in time');
      worker.process.kill('SIGKILL');
    }, DRAIN_LIMIT_MS);
    if (worker.isConnected()) worker.send(STOP, () => undefined);
    else worker.process.kill('SIGTERM');
    await exit;
    clearTimeout(limit);
  }
}
