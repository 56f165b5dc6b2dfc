import { Cache } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';

/** Where an adapter keeps its rows: a table of its own. */
interface OwnTableOptions {
  /** Name of the table: `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`. Adapters that give the same name share it. */
  readonly name: string;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Maximum of shared memory in bytes. Default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Maximum number of rows. Default 100,000. */
  readonly entries?: number | undefined;
}

/** A table beside a cache that is open. */
interface BesideCacheOptions {
  readonly cache: Cache;
}

export type AdapterTableOptions = OwnTableOptions | BesideCacheOptions;

/**
 * Name and size of an adapter's table. Beside a cache it has the name of the cache, a dot and `suffix`. `others` are the
 * names of the options that the adapter takes besides. `ERR_ARGUMENT`.
 */
export function tablePlace(options: AdapterTableOptions, suffix: string, others: readonly string[]) {
  checkOptions(options, ['name', 'namespace', 'bytes', 'entries', 'cache', ...others]);
  const { cache } = options as Partial<BesideCacheOptions>;
  if (cache !== undefined && !(cache instanceof Cache)) {
    throw new ShmTableError('ERR_ARGUMENT', `cache must be an open Cache, got ${show(cache)}`);
  }
  const place = cache === undefined ? options : { name: `${cache.name}.${suffix}`, namespace: cache.namespace };
  const { name, namespace, bytes = 64 * 2 ** 20, entries = 100_000 } = place as OwnTableOptions;
  return { name, namespace, bytes, entries };
}
