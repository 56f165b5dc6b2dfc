import { Cache, type CacheOptions } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';

/** Options of an adapter that opens its own cache. */
interface OwnCacheOptions {
  /** Name of the cache: `[A-Za-z0-9_][A-Za-z0-9._-]{0,57}`. Adapters with the same name share their values. */
  readonly name: string;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Total shared memory in bytes. Default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Maximum number of entries. Default 100,000. */
  readonly entries?: number | undefined;
  /** Lifetime in milliseconds of values that are stored without one. Default: none. */
  readonly ttl?: number | undefined;
}

/** Options of an adapter that uses an open cache, which it never closes. */
interface OpenCacheOptions<V = unknown> {
  readonly cache: Cache<V>;
}

export type AdapterOptions<V = unknown> = OwnCacheOptions | OpenCacheOptions<V>;

const OWN_OPTIONS = ['name', 'namespace', 'bytes', 'entries', 'ttl'] as const;

interface AdapterCache<V> {
  readonly cache: Cache<V>;
  /** Whether the adapter has opened it, and must close it. */
  readonly isOwn: boolean;
}

/**
 * The cache of an adapter. `others` are the names of further options of the adapter, `defaults` apply to a cache that
 * is opened. `ERR_ARGUMENT` when an option is unknown, or is for opening a cache although an open one is given.
 */
export function openAdapterCache<V>(
  options: AdapterOptions<V>,
  others: readonly string[],
  defaults: Partial<CacheOptions<V>> = {},
): AdapterCache<V> {
  checkOptions(options, ['cache', ...OWN_OPTIONS, ...others]);
  const { cache, name, namespace, bytes, entries, ttl } = options as Partial<OwnCacheOptions & OpenCacheOptions<V>>;
  if (cache === undefined) {
    const own = { ...defaults, name: name as string, namespace, bytes, entries };
    return { cache: Cache.open<V>(ttl === undefined ? own : { ...own, ttl }), isOwn: true };
  }
  if (!(cache instanceof Cache)) {
    throw new ShmTableError('ERR_ARGUMENT', `cache must be an open Cache, got ${show(cache)}`);
  }
  const surplus = OWN_OPTIONS.find((option) => (options as Partial<OwnCacheOptions>)[option] !== undefined);
  if (surplus !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `option ${surplus} is for opening a cache, but cache is already open`);
  }
  return { cache, isOwn: false };
}
