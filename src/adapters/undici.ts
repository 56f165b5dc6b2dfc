import { Writable } from 'node:stream';
import { setAsOf, tagStampOf, valueBytesOf } from '../cache/cache.js';
import type { Cache } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { presentTimeMs } from '../table/present.js';
import { type AdapterOptions, openAdapterCache } from './adapter-cache.js';

type Headers = Record<string, string | string[] | null | undefined>;

/** A request in the form in which undici looks it up. */
interface RequestKey {
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]> | undefined;
}

/** A response without its body, as undici passes it. */
interface AnswerHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly headers: Record<string, string | string[]>;
  readonly vary?: Record<string, string | string[] | null>;
  readonly etag?: string;
  readonly cacheControlDirectives?: object;
  readonly cachedAt: number;
  readonly staleAt: number;
  readonly deleteAt: number;
}

interface StoredAnswer extends AnswerHead {
  readonly cacheControlDirectives: object;
  readonly body: Buffer;
}

/** The body as a string of bytes, which every codec can express. */
interface Stored {
  readonly head: AnswerHead;
  readonly body: string;
}

/** For a method and URL: the lists of header names by which its responses vary, the latest first. */
type Variants = readonly (readonly string[])[];

export type CacheStoreOptions = AdapterOptions<unknown> & {
  /** Called with the error if a response could not be stored. Default: the first one becomes a process warning. */
  readonly errorCallback?: ((error: Error) => void) | undefined;
};

/** Limited because each request looks them up one after the other. */
const MAX_VARIANTS = 8;

/**
 * A store for the cache interceptor of undici: `interceptors.cache({ store: new ShmTableCacheStore({ name: 'http' })
 * })`. All processes and threads of the machine share the responses, each with its variants by `Vary`.
 */
export class ShmTableCacheStore {
  readonly #cache: Cache;
  readonly #isOwn: boolean;
  readonly #report: (error: Error) => void;
  /** A response that is longer cannot be stored, and is not collected. */
  readonly #maxBytes: number;
  /**
   * For the key of each request in progress, which undici passes to `get` and then to `createWriteStream`: the stamp of its
   * tag. So a response that was requested before its URL was invalidated is not kept.
   */
  readonly #stamps = new WeakMap<RequestKey, string>();

  /** @throws {ShmTableError} `ERR_ARGUMENT`, and what `Cache.open` throws */
  constructor(options: CacheStoreOptions) {
    const { errorCallback = warnOnce() } = options ?? {};
    if (typeof errorCallback !== 'function') {
      throw new ShmTableError('ERR_ARGUMENT', `errorCallback must be a function, got ${show(errorCallback)}`);
    }
    const { cache, isOwn } = openAdapterCache<unknown>(options, ['errorCallback'], { codec: 'v8' });
    this.#cache = cache;
    this.#isOwn = isOwn;
    this.#report = errorCallback;
    this.#maxBytes = valueBytesOf(cache);
  }

  get(key: RequestKey): StoredAnswer | undefined {
    const place = placeOf(key);
    this.#stamps.set(key, tagStampOf(this.#cache, [tagOf(key)]));
    for (const names of this.#variants(place)) {
      const found = this.#cache.get(variantOf(place, names, key.headers)) as Stored | undefined;
      if (found !== undefined && found.head.deleteAt > presentTimeMs()) {
        const { cacheControlDirectives = {} } = found.head;
        return { ...found.head, cacheControlDirectives, body: Buffer.from(found.body, 'latin1') };
      }
    }
    return undefined;
  }

  /** A stream for the body; the response is stored when it ends. */
  createWriteStream(key: RequestKey, head: AnswerHead): Writable {
    const place = placeOf(key);
    const stamp = this.#stamps.get(key) ?? tagStampOf(this.#cache, [tagOf(key)]);
    const chunks: Buffer[] = [];
    let bytes = 0;
    // undici does not pass the error on; the response is still complete.
    const fail = (error: Error, callback: (error: Error) => void): void => {
      this.#report(error);
      callback(error);
    };
    return new Writable({
      write: (chunk, encoding, callback) => {
        const part: Buffer = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
        bytes += part.length;
        if (bytes <= this.#maxBytes) {
          chunks.push(part);
          callback();
        } else {
          chunks.length = 0;
          fail(tooLong(bytes, this.#maxBytes), callback);
        }
      },
      final: (callback) => {
        try {
          this.#store(place, tagOf(key), stamp, head, Buffer.concat(chunks).toString('latin1'));
        } catch (error) {
          fail(error as Error, callback);
          return;
        }
        callback();
      },
    });
  }

  /** Removes the responses for a URL, of all methods and variants, without visiting them. */
  delete(key: RequestKey): void {
    this.#cache.invalidateTag(tagOf(key));
    this.#stamps.delete(key);
  }

  /** Closes the cache, if this store has opened it; the responses remain. */
  close(): void {
    if (this.#isOwn) this.#cache.close();
  }

  #store(place: string, tag: string, stamp: string, head: AnswerHead, body: string): void {
    const ttl = Math.ceil(head.deleteAt - presentTimeMs());
    // A response that is outdated already must not replace a newer one.
    if (!(ttl > 0) || tagStampOf(this.#cache, [tag]) !== stamp) return;
    const names = Object.keys(head.vary ?? {}).sort();
    const options = { ttl: Math.min(ttl, Number.MAX_SAFE_INTEGER), staleTtl: 0, tags: [tag] };
    const stored: Stored = { head, body };
    setAsOf(this.#cache, stamp, variantOf(place, names, head.vary), stored, options);
    // If two processes add a variant at the same time, one of the two may be lost: its response is then fetched again.
    const known = this.#variants(place);
    if (known.length > 0 && sameNames(known[0], names) && (this.#cache.ttl(place) ?? 0) >= ttl) return;
    const others = known.filter((other) => !sameNames(other, names));
    const lasts = Math.max(options.ttl, finite(this.#cache.ttl(place)));
    this.#cache.set(place, [names, ...others].slice(0, MAX_VARIANTS), { ...options, ttl: lasts });
  }

  #variants(place: string): Variants {
    return (this.#cache.get(place) ?? []) as Variants;
  }
}

// biome-ignore lint/style/noDefaultExport: adapters are the default export of their module.
export default ShmTableCacheStore;

function placeOf(key: RequestKey): string {
  if (typeof key !== 'object' || key === null) {
    throw new ShmTableError('ERR_ARGUMENT', `key must be an object, got ${show(key)}`);
  }
  for (const part of ['origin', 'method', 'path'] as const) {
    if (typeof key[part] !== 'string') {
      throw new ShmTableError('ERR_ARGUMENT', `key.${part} must be a string, got ${show(key[part])}`);
    }
  }
  return `undici:${JSON.stringify([key.method, key.origin, key.path])}`;
}

function tagOf({ origin, path }: RequestKey): string {
  return `undici:${JSON.stringify([origin, path])}`;
}

/** The key of the response for these values of the headers. A missing header counts as a value, too. */
function variantOf(place: string, names: readonly string[], headers: Headers | undefined): string {
  return `${place}${JSON.stringify(names.map((name) => [name, headers?.[name] ?? null]))}`;
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, i) => name === other[i]);
}

function tooLong(bytes: number, maxBytes: number): ShmTableError {
  return new ShmTableError(
    'ERR_VALUE_TOO_LONG',
    `a response of ${bytes} bytes or more does not fit into a cache of ${maxBytes} bytes`,
  );
}

function finite(ttl: number | undefined): number {
  return ttl === undefined || !Number.isFinite(ttl) ? 0 : ttl;
}

function warnOnce(): (error: Error) => void {
  let hasWarned = false;
  return (error) => {
    if (!hasWarned) process.emitWarning(`shmtable: a response could not be stored: ${error.message}`);
    hasWarned = true;
  };
}
