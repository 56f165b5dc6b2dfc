import { EventEmitter } from 'node:events';
import type { Cache } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { type AdapterOptions, openAdapterCache } from './adapter-cache.js';

/** An entry of `setMany`. */
export interface KeyvShmTableEntry {
  readonly key: string;
  readonly value: unknown;
  readonly ttl?: number | undefined;
}

/** The values of a namespace have a tag of this prefix and the namespace. */
const TAG = 'keyv:';

/**
 * A store for Keyv in shared memory: `new Keyv({ store: new KeyvShmTable({ name: 'app' }), throwOnErrors: true })`. All
 * processes and threads whose stores have the same name share their values.
 *
 * Create a store for each Keyv: Keyv writes its namespace into the store. They are cheap, because stores with the same
 * name share their memory.
 *
 * Errors are those of `Cache`, and every method rejects with them. Keyv 5 turns an error of `set` and `delete` into an
 * event and returns false, unless it has the option `throwOnErrors`.
 */
export class KeyvShmTable extends EventEmitter {
  /** Keyv 5 iterates only over stores with a dialect of its own packages, and uses the dialect for nothing else. */
  opts: Record<string, unknown> = { dialect: 'redis', url: '' };
  #namespace: string | undefined;
  /** The prefix of the keys of the namespace, and the tag of its values. */
  #prefix = '';
  #tags: readonly string[] = [];
  readonly #cache: Cache;
  readonly #isOwn: boolean;

  /**
   * Opens the cache of this name, or creates it.
   *
   * @throws {ShmTableError} what `Cache.open` throws
   */
  constructor(options: AdapterOptions) {
    super();
    const { cache, isOwn } = openAdapterCache(options, []);
    this.#cache = cache;
    this.#isOwn = isOwn;
  }

  /** Set by Keyv. */
  get namespace(): string | undefined {
    return this.#namespace;
  }

  set namespace(namespace: string | undefined) {
    this.#namespace = namespace;
    this.#prefix = prefixOf(namespace);
    this.#tags = this.#prefix === '' ? [] : [TAG + namespace];
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return this.#cache.get(this.#keyOf(key)) as Value | undefined;
  }

  async getMany<Value>(keys: readonly string[]): Promise<(Value | undefined)[]> {
    return this.#cache.getMany(keys.map((key) => this.#keyOf(key))) as (Value | undefined)[];
  }

  /**
   * `ttl` in milliseconds; without it, the lifetime is that of the cache. A value with a `ttl` of 0 or less is not
   * kept.
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    this.#store(key, value, ttl);
    return true;
  }

  /** Stores the entries in order; an error in the middle leaves those before it stored. */
  async setMany(entries: readonly KeyvShmTableEntry[]): Promise<boolean[]> {
    for (const { key, value, ttl } of entries) this.#store(key, value, ttl);
    return entries.map(() => true);
  }

  async delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#keyOf(key));
  }

  /** Returns whether all of the keys had a value. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    return this.#cache.deleteMany(keys.map((key) => this.#keyOf(key))).every(Boolean);
  }

  async has(key: string): Promise<boolean> {
    return this.#cache.has(this.#keyOf(key));
  }

  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return keys.map((key) => this.#cache.has(this.#keyOf(key)));
  }

  /** Removes the values of this namespace, without visiting them; without a namespace, all values of the cache. */
  async clear(): Promise<void> {
    const [tag] = this.#tags;
    if (tag === undefined) this.#cache.clear();
    else this.#cache.invalidateTag(tag);
  }

  /**
   * Iterates over the keys and values of a namespace, by default that of this store. Visits all entries of the cache.
   */
  async *iterator<Value>(namespace = this.namespace): AsyncGenerator<[string, Awaited<Value>], void> {
    const prefix = prefixOf(namespace);
    for (const whole of this.#cache.keys()) {
      const key = keyIn(prefix, whole);
      const value = key === undefined ? undefined : this.#cache.get(whole);
      if (key !== undefined && value !== undefined) yield [key, value as Awaited<Value>];
    }
  }

  /** Closes the cache, if this store has opened it; the values remain. */
  async disconnect(): Promise<void> {
    if (this.#isOwn) this.#cache.close();
  }

  #store(key: string, value: unknown, ttl: number | undefined): void {
    const whole = this.#keyOf(key);
    if (typeof ttl === 'number' && ttl <= 0) this.#cache.delete(whole);
    else this.#cache.set(whole, value, { ttl: wholeMilliseconds(ttl), staleTtl: 0, tags: this.#tags });
  }

  /** The namespace is always part of the key, so that stores with `useKeyPrefix: false` have separate keys, too. */
  #keyOf(key: string): string {
    if (typeof key === 'string') return wholeKey(this.#prefix, key);
    throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
  }
}

// biome-ignore lint/style/noDefaultExport: adapters are the default export of their module, as Keyv's own are.
export default KeyvShmTable;

/** JSON, so that no two pairs of namespace and key have the same text. */
function prefixOf(namespace: string | undefined): string {
  return namespace === undefined || namespace === '' ? '' : `${JSON.stringify(namespace)}:`;
}

/** Precedes keys without a namespace that could be the text of a namespace and a key. */
const NO_NAMESPACE = '"":';

function wholeKey(prefix: string, key: string): string {
  return prefix === '' && key.startsWith('"') ? NO_NAMESPACE + key : prefix + key;
}

/** The key in the namespace of a prefix; undefined if it belongs to another one. */
function keyIn(prefix: string, whole: string): string | undefined {
  if (prefix !== '') return whole.startsWith(prefix) ? whole.slice(prefix.length) : undefined;
  if (whole.startsWith(NO_NAMESPACE)) return whole.slice(NO_NAMESPACE.length);
  return whole.startsWith('"') ? undefined : whole;
}

/**
 * Undefined for the lifetime of the cache: Keyv accepts any number, and treats one that is not finite as no lifetime.
 */
function wholeMilliseconds(ttl: number | undefined): number | undefined {
  if (ttl === undefined || ttl === null || !Number.isFinite(ttl)) return undefined;
  return Math.min(Math.ceil(ttl), Number.MAX_SAFE_INTEGER);
}
