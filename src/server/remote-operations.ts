/**
 * Many operations of one request on rows that another machine has: as many at a time as are worth it, and their results
 * in the order in which they began. Operations on rows that are here are executed at once.
 */
import { hasCode, ShmTableError } from '../errors.js';
import { monotonicMs } from '../memory/index.js';
import type { Eventual } from './eventual.js';
import type { RowStore } from './row-store.js';

/**
 * For how long nothing more is sent to a server on which an operation has failed: thousands of operations would each wait
 * for a connection.
 */
const SILENCE_MS = 500;

export class RemoteOperations<T> {
  readonly #take: (result: T) => void;
  readonly #atOnce: number;
  /** Results that were not taken, oldest first. */
  readonly #pending: Promise<T>[] = [];
  /** The last operation on each key that is under way: the next one waits, because a read may be answered from here. */
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #silentUntil = new Map<object, number>();

  /** `take` gets the results in order. */
  constructor(atOnce: number, take: (result: T) => void) {
    this.#atOnce = atOnce;
    this.#take = take;
  }

  /** Adds the result of an operation. Resolves when there is room for another; undefined if there is. */
  add(result: Eventual<T>): Promise<void> | undefined {
    if (this.#pending.length === 0 && !(result instanceof Promise)) {
      this.#take(result);
      return undefined;
    }
    this.#pending.push(Promise.resolve(result));
    return this.#pending.length < this.#atOnce ? undefined : this.#takeFirst();
  }

  /** Resolves when all results are taken. */
  async rest(): Promise<void> {
    while (this.#pending.length > 0) await this.#takeFirst();
  }

  async #takeFirst(): Promise<void> {
    const first = await this.#pending[0];
    this.#pending.shift();
    this.#take(first);
  }

  /** Executes an operation on a row after those before it on the same row. */
  run<R>(rows: RowStore, key: string, work: () => Eventual<R>): Eventual<R> {
    const server = rows.serverOf(key);
    if (server === undefined) return work();
    const previous = this.#last.get(key);
    const result = previous === undefined ? this.#send(server, work) : previous.then(() => this.#send(server, work));
    const settled = result
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(key) === settled) this.#last.delete(key);
      });
    this.#last.set(key, settled);
    return result;
  }

  async #send<R>(server: object, work: () => Eventual<R>): Promise<R> {
    if (monotonicMs() < (this.#silentUntil.get(server) ?? 0)) {
      throw new ShmTableError(
        'ERR_CLUSTER_UNAVAILABLE',
        'not executed: an operation before it failed because the server of this row does not answer',
      );
    }
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, 'ERR_CLUSTER_UNAVAILABLE') || hasCode(error, 'ERR_OUTCOME_UNKNOWN')) {
        this.#silentUntil.set(server, monotonicMs() + SILENCE_MS);
      }
      throw error;
    }
  }
}
