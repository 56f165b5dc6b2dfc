import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { integer, MAX_PARTICIPANTS, parseNamespace } from '../table/options.js';
import type { Codec } from './codec.js';
import { checkTags } from './tags.js';

export interface CacheOptions<V> extends EntryOptions {
  /** A name of the form `[A-Za-z0-9_][A-Za-z0-9._-]{0,57}`, which is also that of the cache's table. */
  readonly name: string;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Total shared memory that the cache takes, in bytes. Default 64 MiB. */
  readonly bytes?: number | undefined;
  /** Maximum number of entries, 1 .. 2^31-1. Default 100,000. */
  readonly entries?: number | undefined;
  /** How values are encoded. Default `json`. */
  readonly codec?: 'json' | 'v8' | Codec<V> | undefined;
  /** Default lifetime of a key whose load has returned `undefined`: see `LoadOptions`. */
  readonly negativeTtl?: number | undefined;
  /** Maximum number of handles that are open at the same time, in all processes together: 1 .. 1024, default 128. */
  readonly maxParticipants?: number | undefined;
  /** Called with the error of a load in the background, which no caller receives: see `staleTtl`. */
  readonly onReloadError?: ((error: unknown, key: string) => void) | undefined;
}

/** The location of a cache. */
export interface CacheLookup {
  readonly namespace?: string | undefined;
}

interface EntryOptions {
  /** Lifetime in whole milliseconds, 1 .. 2^53-1; `null` for none. */
  readonly ttl?: number | null | undefined;
  /** For how many milliseconds after `ttl` the old value may be returned while a new one is loaded: 0 .. 2^53-1. */
  readonly staleTtl?: number | undefined;
}

/** Options of `set` and `setMany`. */
export interface CacheSetOptions extends EntryOptions {
  /** Up to 128 strings; `invalidateTag` with any of them removes the entry. */
  readonly tags?: readonly string[] | undefined;
}

/** Options of `getOrSet`. */
export interface LoadOptions extends CacheSetOptions {
  /** How long `undefined` is kept as the result of a load, in milliseconds. Default: not at all. */
  readonly negativeTtl?: number | undefined;
  /** Ends the wait of this call; the load continues for others. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of an entry, with all defaults. */
interface Lifetimes {
  /** Undefined for none. */
  readonly ttl: number | undefined;
  readonly staleTtl: number;
  readonly negativeTtl: number | undefined;
}

type Names<T> = Record<keyof T, true>;

const entry: Names<EntryOptions> = { ttl: true, staleTtl: true };
const set: Names<CacheSetOptions> = { ...entry, tags: true };
const load: Names<LoadOptions> = { ...set, negativeTtl: true, signal: true };
const lookup: Names<CacheLookup> = { namespace: true };
const cache: Names<CacheOptions<unknown>> = {
  name: true,
  bytes: true,
  entries: true,
  codec: true,
  negativeTtl: true,
  maxParticipants: true,
  onReloadError: true,
  ...entry,
  ...lookup,
};

const CACHE_OPTIONS = Object.keys(cache);
const SET_OPTIONS = Object.keys(set);
const LOAD_OPTIONS = Object.keys(load);
const LOOKUP_OPTIONS = Object.keys(lookup);

const DEFAULTS = { bytes: 64 * 2 ** 20, entries: 100_000, maxParticipants: 128 } as const;
const MAX_ENTRIES = 2 ** 31 - 1;
const MIN_BYTES = 2 ** 20;
/** Shorter than the name of a table, because the name of the table of leases is derived from it. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,57}$/;

export function parseCacheOptions<V>(options: CacheOptions<V>) {
  checkOptions(options, CACHE_OPTIONS);
  const { codec = 'json', onReloadError } = options;
  if (onReloadError !== undefined && typeof onReloadError !== 'function') {
    throw new ShmTableError('ERR_ARGUMENT', `onReloadError must be a function, got ${show(onReloadError)}`);
  }
  return {
    name: checkCacheName(options.name),
    namespace: parseNamespace(options.namespace),
    bytes: integer('bytes', options.bytes ?? DEFAULTS.bytes, MIN_BYTES, Number.MAX_SAFE_INTEGER),
    entries: integer('entries', options.entries ?? DEFAULTS.entries, 1, MAX_ENTRIES),
    maxParticipants: integer(
      'maxParticipants',
      options.maxParticipants ?? DEFAULTS.maxParticipants,
      1,
      MAX_PARTICIPANTS,
    ),
    codec,
    onReloadError,
    defaults: read(options, { ttl: undefined, staleTtl: 0, negativeTtl: undefined }),
  };
}

export function parseLookup(name: string, options: CacheLookup): { name: string; namespace: string } {
  checkOptions(options, LOOKUP_OPTIONS);
  return { name: checkCacheName(name), namespace: parseNamespace(options.namespace) };
}

function checkCacheName(name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new ShmTableError('ERR_ARGUMENT', `cache name ${show(name)} does not match ${NAME.source}`);
}

const NO_TAGS: readonly string[] = [];

/** The options that were read: all of `LoadOptions`; `set` accepts some of them. */
export interface CheckedOptions extends Lifetimes {
  readonly tags: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Reads the options of `set` once each and checks them. `ERR_ARGUMENT`. */
export function readSetOptions(options: CacheSetOptions, defaults: Lifetimes): CheckedOptions {
  checkOptions(options, SET_OPTIONS);
  return read(options, defaults);
}

/** Reads the options of `getOrSet` once each and checks them. `ERR_ARGUMENT`. */
export function readLoadOptions(options: LoadOptions, defaults: Lifetimes): CheckedOptions {
  checkOptions(options, LOAD_OPTIONS);
  return read(options, defaults);
}

/** A shared object, because a call of `getOrSet` that finds its value should not create one. */
function read({ ttl, staleTtl, negativeTtl, tags, signal }: LoadOptions, defaults: Lifetimes): CheckedOptions {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ShmTableError('ERR_ARGUMENT', `signal must be an AbortSignal, got ${show(signal)}`);
  }
  return {
    ttl: ttl === undefined ? defaults.ttl : ttl === null ? undefined : milliseconds('ttl', ttl, 1),
    staleTtl: staleTtl === undefined ? defaults.staleTtl : milliseconds('staleTtl', staleTtl, 0),
    negativeTtl: negativeTtl === undefined ? defaults.negativeTtl : milliseconds('negativeTtl', negativeTtl, 1),
    tags: tags === undefined ? NO_TAGS : checkTags(tags),
    signal,
  };
}

function milliseconds(what: string, value: number, min: number): number {
  return integer(what, value, min, Number.MAX_SAFE_INTEGER);
}
