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
/** What operations of one request may hold together while they are under way. */
export const BYTES_AT_ONCE: number = 4 * 1024 * 1024;
/**
 * As much as this many requests may have under way is under way in all requests of this thread; beyond that, a request
 * begins more operations only while it has few itself. A thousand requests with a thousand operations each would take
 * gigabytes while a server stands still.
 */
const MOST_TOGETHER = 4;
const FEW = 4;
/** What is under way in all requests of this thread: 1 is what one request may have. */
let together = 0;

interface Pending<T> {
  readonly result: Promise<T>;
  /** Of what a request may have under way. */
  readonly share: number;
}

export class RemoteOperations<T> {
  readonly #take: (result: T) => void;
  readonly #atOnce: number;
  /** Results that were not taken, oldest first, and the sum of their shares. */
  readonly #pending: Pending<T>[] = [];
  #share: number = 0;
  /** The last operation on each key that is under way: the next one waits, because a read may be answered from here. */
  readonly #last = new Map<string, Promise<unknown>>();
  /** Until when nothing is sent to a server, and what operations on its rows fail with meanwhile. */
  readonly #silent = new Map<object, { readonly until: number; readonly error: ShmTableError }>();

  /** `take` gets the results in order. */
  constructor(atOnce: number, take: (result: T) => void) {
    this.#atOnce = atOnce;
    this.#take = take;
  }

  /**
   * Adds the result of an operation, for which so many bytes are kept. Resolves when there is room for another; undefined
   * if there is.
   */
  add(result: Eventual<T>, bytes = 0): Promise<void> | undefined {
    if (!(result instanceof Promise)) {
      if (this.#pending.length === 0) this.#take(result);
      else this.#push(Promise.resolve(result), 0);
      return undefined;
    }
    const share = Math.max(1 / this.#atOnce, bytes / BYTES_AT_ONCE);
    this.#push(result, share);
    together += share;
    const ended = (): void => {
      together -= share;
    };
    result.then(ended, ended);
    return this.#hasRoom ? undefined : this.#makeRoom();
  }

  #push(result: Promise<T>, share: number): void {
    this.#pending.push({ result, share });
    this.#share += share;
  }

  get #hasRoom(): boolean {
    return this.#share < 1 && (together < MOST_TOGETHER || this.#pending.length < FEW);
  }

  async #makeRoom(): Promise<void> {
    do await this.#takeFirst();
    while (!this.#hasRoom && this.#pending.length > 0);
  }

  /** Resolves when all results are taken. */
  async rest(): Promise<void> {
    while (this.#pending.length > 0) await this.#takeFirst();
  }

  async #takeFirst(): Promise<void> {
    const [{ result, share }] = this.#pending;
    const first = await result;
    this.#pending.shift();
    this.#share = this.#pending.length === 0 ? 0 : this.#share - share;
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
    const silent = this.#silent.get(server);
    if (silent !== undefined && monotonicMs() < silent.until) throw silent.error;
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, 'ERR_CLUSTER_UNAVAILABLE') || hasCode(error, 'ERR_OUTCOME_UNKNOWN')) {
        this.#silent.set(server, { until: monotonicMs() + SILENCE_MS, error: silent?.error ?? unanswered() });
      }
      throw error;
    }
  }
}

function unanswered(): ShmTableError {
  return new ShmTableError(
    'ERR_CLUSTER_UNAVAILABLE',
    'not executed: an operation before it failed because the server of this row does not answer',
  );
}
