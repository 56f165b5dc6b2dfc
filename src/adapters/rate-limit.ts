import { createRequire } from 'node:module';
import { ShmTableError, show } from '../errors.js';
import { presentTimeMs } from '../table/present.js';
import type { AdapterTableOptions } from './adapter-table.js';
import { type Count, Counters, rowLifetime } from './counters.js';

/** Options for the table of a limiter's counters. */
export type CounterOptions = AdapterTableOptions;

// ---- express-rate-limit ----

export type ExpressRateLimitOptions = CounterOptions & {
  /** Prefix of each key. Default: the name and a colon. Limiters with the same name need different prefixes. */
  readonly prefix?: string | undefined;
};

/**
 * A store for express-rate-limit: `rateLimit({ store: new ExpressRateLimitStore({ name: 'limits' }) })`. A hit is one
 * increment, exact across all processes.
 */
export class ExpressRateLimitStore {
  /** Tells express-rate-limit that the keys are shared with other processes. */
  readonly localKeys = false;
  readonly prefix: string;
  readonly #counters: Counters;
  #windowMs = 60_000;

  /** @throws {ShmTableError} `ERR_ARGUMENT`, and what `Table.openOrCreate` throws */
  constructor(options: ExpressRateLimitOptions) {
    this.#counters = new Counters(options, ['prefix']);
    const { prefix = `${this.#counters.name}:` } = options;
    if (typeof prefix !== 'string') {
      this.#counters.close();
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    this.prefix = prefix;
  }

  /** Called by express-rate-limit with its options. */
  init({ windowMs }: { windowMs: number }): void {
    this.#windowMs = windowMs;
  }

  async get(key: string): Promise<{ totalHits: number; resetTime: Date | undefined } | undefined> {
    const count = this.#counters.get(this.#keyOf(key));
    return count === undefined ? undefined : this.#infoOf(count);
  }

  async increment(key: string): Promise<{ totalHits: number; resetTime: Date | undefined }> {
    const whole = this.#keyOf(key);
    const lifetime = rowLifetime(this.#windowMs);
    // A window of length 0 ends with each hit.
    return this.#infoOf(lifetime === undefined ? { hits: 1, msLeft: 0 } : this.#counters.add(whole, 1, lifetime));
  }

  async decrement(key: string): Promise<void> {
    this.#counters.subtract(this.#keyOf(key));
  }

  async resetKey(key: string): Promise<void> {
    this.#counters.delete(this.#keyOf(key));
  }

  /** Removes all counters of the table. */
  async resetAll(): Promise<void> {
    this.#counters.clear();
  }

  /** Closes the table; the counters remain. */
  shutdown(): void {
    this.#counters.close();
  }

  #infoOf({ hits, msLeft }: Count): { totalHits: number; resetTime: Date | undefined } {
    return { totalHits: hits, resetTime: Number.isFinite(msLeft) ? new Date(presentTimeMs() + msLeft) : undefined };
  }

  #keyOf(key: string): string {
    return this.prefix + checkKey(key);
  }
}

// ---- @fastify/rate-limit ----

/** The options of the plugin or of a route that concern the store. */
export interface FastifyLimitParameters {
  readonly continueExceeding?: boolean | undefined;
  readonly exponentialBackoff?: boolean | undefined;
  readonly routeInfo?: { readonly method?: unknown; readonly url?: unknown } | undefined;
}

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void;

/**
 * A store for @fastify/rate-limit, which creates it itself: `register(rateLimit, { store: FastifyRateLimitStore })`, or
 * `FastifyRateLimitStore.with({ name: 'limits' })` for a table other than `rate-limit`. A hit is one increment, exact
 * across all processes.
 */
export class FastifyRateLimitStore {
  readonly #options: CounterOptions;
  readonly #counters: Counters;
  readonly #parameters: FastifyLimitParameters;
  readonly #prefix: string;

  /** Called by the plugin. `options` are those of the table. */
  constructor(parameters: FastifyLimitParameters = {}, options: CounterOptions = { name: 'rate-limit' }, prefix = '') {
    this.#options = options;
    this.#counters = new Counters(options, []);
    this.#parameters = parameters;
    this.#prefix = prefix;
  }

  /** The class of stores with these options. */
  static with(options: CounterOptions): new (parameters?: FastifyLimitParameters) => FastifyRateLimitStore {
    return class extends FastifyRateLimitStore {
      constructor(parameters?: FastifyLimitParameters) {
        super(parameters, options);
      }
    };
  }

  incr(key: string, callback: Answer, timeWindow: number, max: number): void {
    answer(callback, () => {
      const whole = this.#prefix + checkKey(key);
      const lifetime = rowLifetime(timeWindow);
      if (lifetime === undefined) return { current: 1, ttl: 0 };
      const { hits, msLeft } = this.#counters.add(whole, 1, lifetime);
      const { continueExceeding, exponentialBackoff } = this.#parameters;
      if (hits <= max || !(continueExceeding || exponentialBackoff)) return { current: hits, ttl: msLeft };
      const longer = continueExceeding ? lifetime : lifetime * 2 ** (hits - max - 1);
      const ttl = Math.min(longer, Number.MAX_SAFE_INTEGER);
      this.#counters.prolong(whole, ttl);
      return { current: hits, ttl };
    });
  }

  /** The state of a key, without a hit. */
  read(key: string, callback: Answer): void {
    answer(callback, () => {
      const { hits, msLeft } = this.#counters.get(this.#prefix + checkKey(key)) ?? { hits: 0, msLeft: 0 };
      return { current: hits, ttl: msLeft };
    });
  }

  /** The store of a route that has its own limits. */
  child(parameters: object): FastifyRateLimitStore {
    const { method, url } = (parameters as FastifyLimitParameters).routeInfo ?? {};
    return new FastifyRateLimitStore(parameters, this.#options, `${this.#prefix}${method ?? ''}${url ?? ''}-`);
  }
}

function answer(callback: Answer, run: () => { current: number; ttl: number }): void {
  let result: { current: number; ttl: number };
  try {
    result = run();
  } catch (error) {
    callback(error as Error);
    return;
  }
  callback(null, result);
}

/** Key generators may also return numbers. */
function checkKey(key: string | number): string {
  if (typeof key === 'string' || typeof key === 'number') return `${key}`;
  throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string or a number, got ${show(key)}`);
}

// ---- rate-limiter-flexible ----

/** Options of RateLimiterShmTable: those of the table, and those of the stores of rate-limiter-flexible. */
export type RateLimiterShmTableOptions = CounterOptions & {
  readonly points?: number;
  /** Seconds; 0 for counters that do not expire. */
  readonly duration?: number;
  readonly keyPrefix?: string;
  readonly blockDuration?: number;
  readonly blockOnConsumed?: number;
  readonly inMemoryBlockOnConsumed?: number;
  readonly inMemoryBlockDuration?: number;
  readonly execEvenly?: boolean;
  readonly execEvenlyMinDelayMs?: number;
  readonly insuranceLimiter?: unknown;
};

const LIMITER_OPTIONS = [
  ...['points', 'duration', 'keyPrefix', 'blockDuration', 'blockOnConsumed', 'inMemoryBlockOnConsumed'],
  ...['inMemoryBlockDuration', 'execEvenly', 'execEvenlyMinDelayMs', 'insuranceLimiter'],
];

/** A RateLimiterRes of rate-limiter-flexible. */
export interface RateLimiterResult {
  msBeforeNext: number;
  remainingPoints: number;
  consumedPoints: number;
  isFirstInDuration: boolean;
  toString(): string;
  toJSON(): { remainingPoints: number; msBeforeNext: number; consumedPoints: number; isFirstInDuration: boolean };
}

interface CallOptions {
  // biome-ignore lint/suspicious/noExplicitAny: as rate-limiter-flexible declares it.
  [name: string]: any;
}

/** The methods that rate-limiter-flexible has for every store. */
export interface RateLimiterShmTable {
  points: number;
  duration: number;
  get msDuration(): number;
  blockDuration: number;
  get msBlockDuration(): number;
  blockOnConsumed: number;
  execEvenly: boolean;
  execEvenlyMinDelayMs: number;
  keyPrefix: string;
  getKey(key: string | number): string;
  parseKey(rlKey: string): string;
  consume(key: string | number, points?: number, options?: CallOptions): Promise<RateLimiterResult>;
  penalty(key: string | number, points?: number, options?: CallOptions): Promise<RateLimiterResult>;
  reward(key: string | number, points?: number, options?: CallOptions): Promise<RateLimiterResult>;
  get(key: string | number, options?: CallOptions): Promise<RateLimiterResult | null>;
  set(key: string | number, points: number, seconds: number, options?: CallOptions): Promise<RateLimiterResult>;
  block(key: string | number, seconds: number, options?: CallOptions): Promise<RateLimiterResult>;
  delete(key: string | number, options?: CallOptions): Promise<boolean>;
  deleteInMemoryBlockedAll(): void;
  /** Closes the table; the counters remain. */
  close(): void;
}

type LimiterClass = new (options: RateLimiterShmTableOptions) => RateLimiterShmTable;

let limiterClass: LimiterClass | undefined;

/** Named by the property: a bundler would rename a class that has the name of the variable below. */
const { RateLimiterShmTable: Limiter } = { RateLimiterShmTable: class {} };

/**
 * A limiter for rate-limiter-flexible: `new RateLimiterShmTable({ name: 'limits', points: 5, duration: 1 })`.
 * Everything that the library offers for its own stores, such as `insuranceLimiter`, works with it. Consuming is one
 * increment, exact across all processes. The library is loaded when the first limiter is created.
 */
export const RateLimiterShmTable: LimiterClass = new Proxy(Limiter as unknown as LimiterClass, {
  construct(target, [options]: [RateLimiterShmTableOptions], newTarget) {
    if (limiterClass === undefined) {
      limiterClass = makeLimiterClass();
      // So that limiters are instances of this class, and of classes that extend it.
      Object.setPrototypeOf(target.prototype, limiterClass.prototype);
    }
    return Reflect.construct(limiterClass, [options], newTarget);
  },
});

/** The parts of rate-limiter-flexible from which a store is built. */
interface Library {
  readonly RateLimiterRedis: object;
  readonly RateLimiterRes: new () => RateLimiterResult;
}

interface StoreBase {
  readonly points: number;
}

function makeLimiterClass(): LimiterClass {
  const { RateLimiterRedis, RateLimiterRes }: Library = createRequire(import.meta.url)('rate-limiter-flexible');
  // The base class of all its stores, which it does not export.
  const Base = Object.getPrototypeOf(RateLimiterRedis) as new (options: object) => StoreBase;

  class Limiter extends Base {
    readonly #counters: Counters;

    constructor(options: RateLimiterShmTableOptions) {
      const counters = new Counters(options, LIMITER_OPTIONS);
      try {
        super(options);
      } catch (error) {
        counters.close();
        throw error;
      }
      this.#counters = counters;
    }

    close(): void {
      this.#counters.close();
    }

    async _upsert(key: string, points: unknown, ms: number, replace = false): Promise<Count> {
      const number = typeof points === 'string' && /^[1-9][0-9]*$/.test(points) ? Number(points) : points;
      if (!Number.isSafeInteger(number)) {
        throw new ShmTableError('ERR_ARGUMENT', `points must be an integer, got ${show(points)}`);
      }
      const lifetime = rowLifetime(ms);
      if (!replace) return this.#counters.add(key, number as number, lifetime);
      this.#counters.set(key, number as number, lifetime);
      return { hits: number as number, msLeft: lifetime ?? Number.POSITIVE_INFINITY };
    }

    async _get(key: string): Promise<Count | null> {
      return this.#counters.get(key) ?? null;
    }

    async _delete(key: string): Promise<boolean> {
      return this.#counters.delete(key);
    }

    _getRateLimiterRes(_key: string, changedPoints: number, { hits, msLeft }: Count): RateLimiterResult {
      const result = new RateLimiterRes();
      result.consumedPoints = hits;
      result.isFirstInDuration = hits === changedPoints;
      result.remainingPoints = Math.max(this.points - hits, 0);
      // As with its other stores, -1 for a counter that does not expire.
      result.msBeforeNext = Number.isFinite(msLeft) ? msLeft : -1;
      return result;
    }
  }
  return Limiter as unknown as LimiterClass;
}
