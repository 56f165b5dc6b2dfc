import { CacheMemory } from '../cache/cache-memory.js';
import { Cache } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { type CompanionSuffix, cacheMemoryName } from '../table/layout/companions.js';

/** Options of an adapter with its own table. */
interface OwnTableOptions {
  /** Name of the table: `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`. Adapters with the same name share it. */
  readonly name: string;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Maximum size of the shared memory in bytes. Default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Maximum number of rows. Default 100,000. */
  readonly entries?: number | undefined;
}

/** Options of an adapter whose table belongs to an open cache. */
interface BesideCacheOptions {
  readonly cache: Cache;
}

export type AdapterTableOptions = OwnTableOptions | BesideCacheOptions;

/**
 * Name and size of an adapter's table. If a cache is given, the name is that of the cache, a dot and `suffix`. `others`
 * are the names of further options of the adapter. `ERR_ARGUMENT`.
 */
export function tablePlace(options: AdapterTableOptions, suffix: CompanionSuffix, others: readonly string[]) {
  checkOptions(options, ['name', 'namespace', 'bytes', 'entries', 'cache', ...others]);
  const { cache } = options as Partial<BesideCacheOptions>;
  if (cache !== undefined && !(cache instanceof Cache)) {
    throw new ShmTableError('ERR_ARGUMENT', `cache must be an open Cache, got ${show(cache)}`);
  }
  const place = cache === undefined ? options : besideCache(cache, suffix);
  const { name, namespace, bytes = 64 * 2 ** 20, entries = 100_000 } = place as OwnTableOptions;
  return { name, namespace, bytes, entries };
}

/** Name and namespace of a table that belongs to a cache, and is destroyed with it. */
export function besideCache({ name, namespace }: Cache, suffix: CompanionSuffix): { name: string; namespace: string } {
  CacheMemory.noteCompanion(cacheMemoryName(namespace, name), suffix);
  return { name: `${name}.${suffix}`, namespace };
}
