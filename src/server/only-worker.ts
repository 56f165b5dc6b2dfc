/**
 * The worker of a service without shared memory: the process of the primary itself, because no other process would see
 * its tables.
 */
import { ShmTableError } from '../errors.js';
import { timers } from '../memory/index.js';
import type { AccessTokens } from './access/access-tokens.js';
import { accessTokens } from './app.js';
import type { ListeningSockets } from './listening-sockets.js';
import { SOCKET_UMASK } from './listening-sockets.js';
import type { ServiceMemory } from './service-memory.js';
import { Serving } from './serving.js';
import type { TokenSettings } from './settings/security-schema.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { AT_SHUTDOWN, type WorkerPool } from './worker-pool.js';

/** What the primary needs of its workers. */
export type Workers = Pick<WorkerPool, 'pids' | 'draining' | 'start' | 'replaceAll' | 'replaceTokens' | 'stop'>;

export class OnlyWorker implements Workers {
  readonly #settings: ServiceSettings;
  readonly #sockets: ListeningSockets;
  readonly #memory: ServiceMemory;
  readonly #tokens: AccessTokens | undefined;
  readonly draining: number[] = [];
  readonly pids = [process.pid];
  #serving: Serving | undefined;

  constructor(settings: ServiceSettings, { sockets, memory }: { sockets: ListeningSockets; memory: ServiceMemory }) {
    this.#settings = settings;
    this.#sockets = sockets;
    this.#memory = memory;
    this.#tokens = accessTokens(settings);
  }

  async start(): Promise<void> {
    this.#serving = await Serving.prepare(this.#settings, {
      memory: this.#memory.name,
      tokens: this.#tokens,
      places: this.#sockets.handOver(),
    });
    const umask = process.umask(SOCKET_UMASK);
    const listening = this.#serving.listen();
    process.umask(umask);
    await listening;
  }

  async replaceTokens(tokens: readonly TokenSettings[]): Promise<void> {
    this.#tokens?.replace(tokens);
  }

  /** There is nobody to take over while this process starts again. */
  async replaceAll(): Promise<void> {
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', 'without shared memory only the tokens can be replaced');
  }

  /** Completes the current requests, for which there is as much time as several workers have. */
  async stop(): Promise<void> {
    const serving = this.#serving;
    if (serving === undefined) return;
    const limit = timers.setTimeout(() => serving.endConnections(), AT_SHUTDOWN.limitMs);
    await serving.stop(AT_SHUTDOWN.idleMs);
    timers.clearTimeout(limit);
  }
}
