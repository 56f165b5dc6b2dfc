import { reasonOf, type ShmTableError } from '../errors.js';
import { monotonicMs, pause, timers } from '../memory/index.js';
import { failInTurn } from './failures.js';
import type { NodeAddress, ParsedConnection } from './options.js';
import { clientOptions, type RedisClient, type RedisModule } from './redis-client.js';
import type { Argument } from './row-fields.js';
import type { Script } from './scripts.js';
import { noAnswer, notSent, refusedBy, replyCode } from './server-errors.js';

/** Commands of one connection under way at a time. */
const MAX_UNDER_WAY = 100_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** What a connection needs from its surroundings. */
interface ConnectionParts {
  readonly module: RedisModule;
  readonly connection: ParsedConnection;
  /** Called when the connection is lost, could not be made, or does not answer: the server may have been replaced. */
  readonly onTrouble: () => void;
}

/**
 * The connection to one server, which is made again whenever it ends, until `close`. A command fails at once while there
 * is none. A connection on which nothing has arrived for as long as a command may take is ended, so that commands to a
 * server that stands still do not pile up.
 */
export class NodeConnection {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly #parts: ConnectionParts;
  readonly #stopped = new AbortController();
  #client: RedisClient | undefined;
  #underWay = 0;
  #lastReplyMs: number = 0;
  #problem: unknown;
  #waiting: (() => void)[] = [];
  /** Sums of the scripts that were sent on the present connection. */
  readonly #sent = new Set<string>();

  constructor({ host, port }: NodeAddress, parts: ConnectionParts) {
    this.host = host;
    this.port = port;
    this.address = `${host}:${port}`;
    this.#parts = parts;
    void this.#run();
  }

  get isReady(): boolean {
    return this.#client?.isReady === true;
  }

  get isClosed(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Why it is not connected. */
  get problem(): unknown {
    return this.#problem;
  }

  /** Resolves when it is connected, or has failed to connect, or after `ms`. Never rejects. */
  async settled(ms: number): Promise<void> {
    if (this.isReady || this.isClosed) return;
    const enough = new AbortController();
    this.#waiting.push(() => enough.abort());
    await pause(ms, enough.signal);
  }

  async #run(): Promise<void> {
    const { module, connection, onTrouble } = this.#parts;
    const { signal } = this.#stopped;
    let wait = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const client = new module.RedisClient(clientOptions(module, this, connection));
      let stopped: () => void = () => undefined;
      const ended = new Promise<unknown>((resolve) => {
        for (const event of ['error', 'end', 'terminated'] as const) client.on(event, resolve);
        stopped = () => resolve(undefined);
      });
      signal.addEventListener('abort', stopped);
      try {
        // A server that stands still accepts a connection, and then does not answer the greeting.
        await inTime(client.connect(), connection.timeoutMs);
        if (!signal.aborted) {
          this.#problem = undefined;
          this.#lastReplyMs = monotonicMs();
          this.#sent.clear();
          this.#client = client;
          wait = FIRST_PAUSE_MS;
          this.#wake();
          this.#problem = await ended;
        }
      } catch (error) {
        this.#problem = error;
      }
      signal.removeEventListener('abort', stopped);
      this.#client = undefined;
      end(client);
      this.#wake();
      if (signal.aborted) return;
      onTrouble();
      await pause(wait * (0.5 + Math.random()), signal);
      wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /**
   * Sends a command and resolves with its reply. Rejects with the server's own error if it refuses the command; with
   * `ERR_CLUSTER_UNAVAILABLE` if it was not sent, or only reads; with `ERR_OUTCOME_UNKNOWN` if it may have been executed.
   */
  command(args: readonly Argument[], isRead: boolean, isAsking = false): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !client.isReady) return failed(() => this.#unconnected());
    if (this.#underWay >= MAX_UNDER_WAY) {
      return failed(() => notSent(`${MAX_UNDER_WAY} commands to ${this.address} are under way, the limit`));
    }
    this.#underWay++;
    return new Promise((resolve, reject) => {
      const { timeoutMs } = this.#parts.connection;
      const sentMs = monotonicMs();
      const timer = timers.setTimeout(() => {
        if (this.#lastReplyMs < sentMs) end(client);
        failInTurn(() => reject(noAnswer(isRead, `${this.address} did not reply within ${timeoutMs} ms`)));
        this.#parts.onTrouble();
      }, timeoutMs);
      const done = (): void => {
        this.#underWay--;
        timers.clearTimeout(timer);
      };
      // Both are written without anything in between.
      if (isAsking) client.sendCommand(['ASKING']).catch(() => {});
      client.sendCommand(args).then(
        (reply) => {
          this.#lastReplyMs = monotonicMs();
          done();
          resolve(reply);
        },
        (error) => {
          done();
          if (error instanceof this.#parts.module.ErrorReply) {
            this.#lastReplyMs = monotonicMs();
            reject(error);
          } else failInTurn(() => reject(this.#failure(error, isRead)));
        },
      );
    });
  }

  #unconnected(): ShmTableError {
    const problem = this.#problem;
    // It refuses the greeting: a wrong password, or it is still loading.
    if (problem instanceof this.#parts.module.ErrorReply) return refusedBy(this.address, problem);
    const why = problem === undefined ? '' : ` (${reasonOf(problem)})`;
    return notSent(`${this.address} is not connected${why}`, problem);
  }

  /**
   * Runs a script with one key. The first time on a connection its text is sent, which the server then keeps. So a server
   * knows every script that is called by its sum alone, unless it was told to forget them.
   */
  async run(
    { sha, text, isRead }: Script,
    key: Argument,
    args: readonly Argument[],
    isAsking = false,
  ): Promise<unknown> {
    const suffix = isRead ? '_RO' : '';
    const whole = (): Promise<unknown> => this.command([`EVAL${suffix}`, text, '1', key, ...args], isRead, isAsking);
    if (!this.#sent.has(sha) && this.isReady) {
      this.#sent.add(sha);
      return whole();
    }
    try {
      return await this.command([`EVALSHA${suffix}`, sha, '1', key, ...args], isRead, isAsking);
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw error;
      return whole();
    }
  }

  /** The error for a command whose connection ended. */
  #failure(error: unknown, isRead: boolean): ShmTableError {
    const { ClientOfflineError, ClientClosedError } = this.#parts.module;
    if (error instanceof ClientOfflineError || error instanceof ClientClosedError) {
      return notSent(`${this.address} is not connected`, error);
    }
    return noAnswer(isRead, `the connection to ${this.address} ended (${reasonOf(error)})`, error);
  }

  /** Ends it for good. What is under way is rejected. */
  close(): void {
    this.#stopped.abort();
    if (this.#client !== undefined) end(this.#client);
    this.#client = undefined;
    this.#wake();
  }
}

/** A promise that is rejected when it is its turn. */
function failed(error: () => ShmTableError): Promise<never> {
  return new Promise((_, reject) => {
    failInTurn(() => reject(error()));
  });
}

/** Rejects if the promise takes longer. */
async function inTime(promise: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController();
  promise.catch(() => {});
  const late = pause(ms, done.signal).then(() => {
    throw new Error(`no connection within ${ms} ms`);
  });
  late.catch(() => {});
  try {
    await Promise.race([promise, late]);
  } finally {
    done.abort();
  }
}

function end(client: RedisClient): void {
  try {
    client.destroy();
  } catch {
    // It has ended already.
  }
}
