import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cache } from '../cache/index.js';
import { checkTag } from '../cache/tags.js';
import { ShmTableError, show } from '../errors.js';
import { bootTimeMs } from '../memory/index.js';
import { presentTimeMs } from '../table/present.js';
import { type AdapterOptions, openAdapterCache } from './adapter-cache.js';
import { type TagState, TagTimes } from './tag-times.js';

/** The part of the constructor's argument that is used. */
interface HandlerContext {
  readonly serverDistDir?: string | undefined;
  /** Tags that this request must not use. */
  readonly revalidatedTags?: readonly string[] | undefined;
}

/** In seconds; `revalidate: false` for a page that is rendered once. */
interface CacheControl {
  readonly revalidate: number | false;
  readonly expire?: number | undefined;
}

interface ReadContext {
  readonly kind?: string | undefined;
  readonly revalidate?: number | false | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly softTags?: readonly string[] | undefined;
}

interface WriteContext {
  readonly kind?: string | undefined;
  readonly fetchCache?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly cacheControl?: CacheControl | undefined;
}

/** A page, the response of a route or of `fetch`, or an image, according to `kind`. */
// biome-ignore lint/suspicious/noExplicitAny: its properties depend on its kind and on the version of Next.
type Content = Record<string, any>;

interface Found {
  readonly lastModified: number;
  readonly value: Content | null;
  readonly cacheControl?: CacheControl | undefined;
}

interface Durations {
  readonly expire?: number | undefined;
}

/** An entry of `use cache`. Times in seconds, `timestamp` in milliseconds since the epoch. */
interface UseCacheEntry {
  readonly value: ReadableStream<Uint8Array>;
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

interface Handler {
  get(key: string, context?: ReadContext): Promise<Found | null>;
  set(key: string, data: Content | null, context?: WriteContext): Promise<void>;
  revalidateTag(tags: string | readonly string[], durations?: Durations): Promise<void>;
  resetRequestCache(): void;
}

interface HandlerClass {
  new (context?: HandlerContext): Handler;
  /** The handler class for another cache than `next`. The cache is opened when it is first used. */
  with(options: NextCacheOptions): HandlerClass;
  /** Closes the cache, if the handler has opened it; the entries remain. */
  close(): void;

  // ---- `cacheHandlers`, for `use cache` ----

  get(key: string, softTags?: readonly string[]): Promise<UseCacheEntry | undefined>;
  set(key: string, pending: Promise<UseCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: readonly string[]): Promise<number>;
  updateTags(tags: readonly string[], durations?: Durations): Promise<void>;
}

export type NextCacheOptions = AdapterOptions<unknown>;

/** Bytes are stored as Latin-1 strings, which every codec supports. */
interface StoredContent {
  readonly plain: Content;
  readonly bytes: Readonly<Record<string, string>>;
  readonly maps: Readonly<Record<string, readonly (readonly [string, string])[]>>;
}

interface StoredEntry {
  readonly content: StoredContent | null;
  readonly lastModified: number;
  /** Boot time in milliseconds: the data of the entry are at least as new. */
  readonly madeAt: number;
  readonly tags: readonly string[];
  readonly cacheControl?: CacheControl | undefined;
}

type StoredUseCache = Omit<UseCacheEntry, 'value'> & { readonly bytes: string; readonly madeAt: number };

interface Store {
  readonly cache: Cache;
  readonly tags: TagTimes;
  readonly isOwn: boolean;
}

const TAGS_HEADER = 'x-next-cache-tags';
/** Upper limit of the difference between the clocks of Next's processes. */
const CLOCK_SKEW_MS = 1_000;
/** Upper limit of the time to create an entry: Next's clock may differ from the wall clock if that was set meanwhile. */
const MAX_CREATION_MS = 300_000;

/**
 * Next's caches in shared memory: `cacheHandler` and `cacheHandlers` of `next.config` name the module `shmtable/next`, or one
 * whose default export is `ShmTableCacheHandler.with({ name: 'shop' })`. All processes of the machine share pages,
 * responses of `fetch` and entries of `use cache`. Revalidations by any process take effect in all of them immediately.
 *
 * Next creates an instance for each request as its `cacheHandler`. The static methods are those of `cacheHandlers`.
 *
 * Methods reject with the errors of `Cache`, which Next prints. `next build` does not use shared memory.
 */
export const ShmTableCacheHandler: HandlerClass = handlerClass({ name: 'next' });

// biome-ignore lint/style/noDefaultExport: Next uses the default export of a handler's module.
export default ShmTableCacheHandler;

function handlerClass(options: NextCacheOptions): HandlerClass {
  let opened: Store | undefined;
  const store = (): Store => {
    if (opened === undefined) opened = openStore(options);
    return opened;
  };
  /** The entries that this process is creating. */
  const pendingSets = new Map<string, Promise<void>>();

  return class ShmTableCacheHandler implements Handler {
    readonly #context: HandlerContext;
    /** When this request did not find a key: the entry that it then stores may be created from data of that time. */
    readonly #missedAt = new Map<string, number>();

    constructor(context: HandlerContext = {}) {
      this.#context = context;
    }

    async get(key: string, context: ReadContext = {}): Promise<Found | null> {
      if (isBuild()) return null;
      const { kind, tags = [], softTags = [] } = context;
      const now = bootTimeMs();
      const found = store().cache.get(this.#keyOf(key, kind)) as StoredEntry | undefined;
      const state =
        found === undefined ? 'expired' : this.#stateOf(found, kind === 'FETCH' ? [...tags, ...softTags] : []);
      if (found !== undefined && state === 'current') return contentOf(found);
      // Images have no tags, and one handler serves all of them.
      if (kind !== 'IMAGE') this.#missedAt.set(key, now);
      if (found === undefined || state === 'expired') return null;
      return kind === 'FETCH' ? staleFetch(found, context) : stalePage(found);
    }

    async set(key: string, data: Content | null, context: WriteContext = {}): Promise<void> {
      if (isBuild()) return;
      const kind = context.fetchCache ? 'FETCH' : (data?.kind ?? context.kind);
      const madeAt = this.#missedAt.get(key) ?? bootTimeMs();
      this.#missedAt.delete(key);
      const { cacheControl } = context;
      const tags = kind === 'FETCH' ? [...(context.tags ?? []), ...(data?.tags ?? [])] : pageTags(data);
      const entry: StoredEntry = { content: packed(data), lastModified: presentTimeMs(), madeAt, tags, cacheControl };
      store().cache.set(this.#keyOf(key, kind), entry, { ttl: lifetimeOf(cacheControl?.expire) });
    }

    async revalidateTag(tags: string | readonly string[], durations?: Durations): Promise<void> {
      revalidate(typeof tags === 'string' ? [tags] : tags, durations);
    }

    resetRequestCache(): void {}

    /** `more` are the tags of the call of `fetch`, which may differ from those of the call that stored the response. */
    #stateOf({ tags, madeAt }: StoredEntry, more: readonly string[]): TagState {
      const { revalidatedTags = [] } = this.#context;
      if (revalidatedTags.length > 0 && more.some((tag) => revalidatedTags.includes(tag))) return 'expired';
      return store().tags.stateOf([...tags, ...more], madeAt);
    }

    /** The key of a page contains the id of its build, because the page refers to files of that build. */
    #keyOf(key: string, kind: string | undefined): string {
      if (typeof key !== 'string')
        throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
      if (kind === 'FETCH' || kind === 'IMAGE') return `${kind}:${key}`;
      return `page:${buildOf(this.#context.serverDistDir)}:${key}`;
    }

    static with(options: NextCacheOptions): HandlerClass {
      return handlerClass(options);
    }

    static close(): void {
      if (opened === undefined) return;
      opened.tags.close();
      if (opened.isOwn) opened.cache.close();
      opened = undefined;
    }

    static async get(key: string, softTags: readonly string[] = []): Promise<UseCacheEntry | undefined> {
      if (isBuild()) return undefined;
      await pendingSets.get(key);
      const { cache, tags: times } = store();
      const found = cache.get(keyOfUse(key)) as StoredUseCache | undefined;
      if (found === undefined) return undefined;
      const { bytes, madeAt, ...entry } = found;
      const state = times.stateOf([...found.tags, ...softTags], madeAt);
      if (state === 'expired') return undefined;
      const value = streamOf(Buffer.from(bytes, 'latin1'));
      return state === 'stale' ? { ...entry, revalidate: -1, value } : { ...entry, value };
    }

    static async set(key: string, pending: Promise<UseCacheEntry>): Promise<void> {
      if (isBuild()) return;
      const stored = storeEntry(store().cache, keyOfUse(key), pending);
      const ended = stored.then(
        () => {},
        () => {},
      );
      pendingSets.set(key, ended);
      try {
        await stored;
      } finally {
        if (pendingSets.get(key) === ended) pendingSets.delete(key);
      }
    }

    static async refreshTags(): Promise<void> {}

    /** Infinity tells Next that `get` checks the tags of the request's path. */
    static async getExpiration(): Promise<number> {
      return Number.POSITIVE_INFINITY;
    }

    static async updateTags(tags: readonly string[], durations?: Durations): Promise<void> {
      revalidate(tags, durations);
    }
  };

  function revalidate(tags: readonly string[], durations: Durations | undefined): void {
    if (isBuild()) return;
    if (!Array.isArray(tags)) throw new ShmTableError('ERR_ARGUMENT', `tags must be an array, got ${show(tags)}`);
    for (const tag of tags) checkTag(tag);
    const { tags: times } = store();
    if (durations === undefined) times.expire(tags);
    else times.makeStale(tags, (durations.expire ?? Number.POSITIVE_INFINITY) * 1_000);
  }
}

function openStore(options: NextCacheOptions): Store {
  const { cache, isOwn } = openAdapterCache<unknown>(options, [], { codec: 'v8' });
  try {
    return { cache, isOwn, tags: new TagTimes(`${cache.name}.tags`, cache.namespace) };
  } catch (error) {
    if (isOwn) cache.close();
    throw error;
  }
}

/** Whether this is a process of `next build`, which writes pages to files. */
function isBuild(): boolean {
  return process.env.NEXT_PHASE === 'phase-production-build';
}

const builds = new Map<string, string>();

/** The id of the build that belongs to this folder; empty if there is none, as in development. */
function buildOf(serverFolder: string | undefined): string {
  if (serverFolder === undefined) return '';
  let build = builds.get(serverFolder);
  if (build === undefined) {
    try {
      build = readFileSync(join(serverFolder, '..', 'BUILD_ID'), 'utf8').trim();
    } catch {
      build = '';
    }
    builds.set(serverFolder, build);
  }
  return build;
}

function pageTags(data: Content | null): readonly string[] {
  const header: unknown = data?.headers?.[TAGS_HEADER];
  return typeof header === 'string' ? header.split(',') : [];
}

function contentOf(found: StoredEntry): Found {
  const { content, lastModified, cacheControl } = found;
  return { lastModified, value: content === null ? null : unpacked(content), cacheControl };
}

/** A page that Next serves and renders again in the background, because its `revalidate` time has passed. */
function stalePage(found: StoredEntry): Found {
  const { cacheControl } = found;
  const revalidate = typeof cacheControl?.revalidate === 'number' ? cacheControl.revalidate : 1;
  return {
    ...contentOf(found),
    lastModified: Math.min(found.lastModified, justPassed(revalidate)),
    cacheControl: { ...cacheControl, revalidate },
  };
}

function staleFetch(found: StoredEntry, context: ReadContext): Found {
  const answer = contentOf(found);
  const revalidate = context.revalidate || answer.value?.revalidate || 0;
  return { ...answer, lastModified: Math.min(found.lastModified, justPassed(revalidate)) };
}

function justPassed(seconds: number): number {
  return presentTimeMs() - seconds * 1_000 - CLOCK_SKEW_MS;
}

function packed(data: Content | null): StoredContent | null {
  if (data === null) return null;
  const plain: Content = {};
  const bytes: Record<string, string> = {};
  const maps: Record<string, [string, string][]> = {};
  for (const [name, part] of Object.entries(data)) {
    if (part instanceof Uint8Array) bytes[name] = textOf(part);
    else if (part instanceof Map) maps[name] = [...part].map(([path, content]) => [path, textOf(content)]);
    else plain[name] = part;
  }
  return { plain, bytes, maps };
}

function unpacked({ plain, bytes, maps }: StoredContent): Content {
  const data = plain;
  for (const name in bytes) data[name] = Buffer.from(bytes[name], 'latin1');
  for (const name in maps) data[name] = new Map(maps[name].map(([path, text]) => [path, Buffer.from(text, 'latin1')]));
  return data;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

// ---- `use cache` ----

function keyOfUse(key: string): string {
  if (typeof key === 'string') return `use:${key}`;
  throw new ShmTableError('ERR_KEY_INVALID', `a key must be a string, got ${show(key)}`);
}

/** If the entry's stream fails, nothing is stored; the readers of the stream get the error. */
async function storeEntry(cache: Cache, key: string, pending: Promise<UseCacheEntry>): Promise<void> {
  const { value, ...entry } = await pending;
  const bytes = await bytesOf(value);
  if (bytes === undefined || entry.expire <= 0) return;
  const elapsedMs = Math.min(Math.max(presentTimeMs() - entry.timestamp, 0), MAX_CREATION_MS);
  const stored: StoredUseCache = { ...entry, bytes: textOf(bytes), madeAt: bootTimeMs() - elapsedMs };
  cache.set(key, stored, { ttl: lifetimeOf(entry.expire) });
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Undefined for the default lifetime of the cache. */
function lifetimeOf(seconds: number | undefined): number | undefined {
  if (seconds === undefined || !(seconds > 0) || !Number.isFinite(seconds)) return undefined;
  return Math.min(Math.ceil(seconds * 1_000), Number.MAX_SAFE_INTEGER);
}
