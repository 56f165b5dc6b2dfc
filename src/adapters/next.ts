import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cache } from '../cache/index.js';
import { checkTag } from '../cache/tags.js';
import { ShmTableError, show } from '../errors.js';
import { bootTimeMs, performanceTimeMs } from '../memory/index.js';
import { presentBootMs } from '../table/present.js';
import { type AdapterOptions, openAdapterCache } from './adapter-cache.js';
import { type Dated, type TagState, TagTimes } from './tag-times.js';

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

/** Times in milliseconds since the boot: no change of the wall clock moves them, and all processes read the same clock. */
interface StoredEntry extends Dated {
  readonly content: StoredContent | null;
  readonly storedAt: number;
  readonly tags: readonly string[];
  readonly cacheControl?: CacheControl | undefined;
}

type StoredUseCache = Omit<UseCacheEntry, 'value' | 'timestamp'> & Dated & { readonly bytes: string };

interface Store {
  readonly cache: Cache;
  readonly tags: TagTimes;
  readonly isOwn: boolean;
}

const TAGS_HEADER = 'x-next-cache-tags';
/** How long ago the `revalidate` time of a stale entry seems to have passed. */
const JUST_PASSED_MS = 1_000;

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
    if (opened !== undefined) {
      const { cache, tags, isOwn } = opened;
      if (cache.isOpen && tags.isOpen) return opened;
      // Memory that was destroyed is created again: each request would fail until this process is restarted.
      if (isOwn || cache.isOpen) closeStore();
    }
    opened ??= openStore(options);
    return opened;
  };
  const closeStore = (): void => {
    opened?.tags.close();
    if (opened?.isOwn) opened.cache.close();
    opened = undefined;
  };
  /** The entries that this process is creating. */
  const pendingSets = new Map<string, Promise<void>>();

  return class ShmTableCacheHandler implements Handler {
    readonly #context: HandlerContext;
    readonly #createdAt: number = bootTimeMs();
    /**
     * When this request first asked for a key that it has not stored since: an entry that it stores may be created from
     * data of that time. Also of entries that were found, because Next itself decides which of them are too old.
     */
    readonly #askedAt = new Map<string, number>();

    constructor(context: HandlerContext = {}) {
      this.#context = context;
    }

    async get(key: string, context: ReadContext = {}): Promise<Found | null> {
      if (isBuild()) return null;
      const { kind, tags = [], softTags = [] } = context;
      // Images have no tags, and one handler serves all of them.
      if (kind !== 'IMAGE' && !this.#askedAt.has(key)) this.#askedAt.set(key, bootTimeMs());
      const found = store().cache.get(this.#keyOf(key, kind)) as StoredEntry | undefined;
      if (found === undefined) return null;
      const state = this.#stateOf(found, kind === 'FETCH' ? [...tags, ...softTags] : []);
      if (state === 'expired') return null;
      if (state === 'current') return contentOf(found);
      return kind === 'FETCH' ? staleFetch(found, context) : stalePage(found);
    }

    async set(key: string, data: Content | null, context: WriteContext = {}): Promise<void> {
      if (isBuild()) return;
      const kind = context.fetchCache ? 'FETCH' : (data?.kind ?? context.kind);
      // Without a call of `get`, as when a page is revalidated on demand, the data are of this request.
      const madeAt = this.#askedAt.get(key) ?? this.#createdAt;
      this.#askedAt.delete(key);
      const { cacheControl } = context;
      const tags = kind === 'FETCH' ? [...(context.tags ?? []), ...(data?.tags ?? [])] : pageTags(data);
      const { cache, tags: times } = store();
      const content = packed(data);
      const entry = { content, storedAt: presentBootMs(), madeAt, epoch: times.epoch, tags, cacheControl };
      cache.set(this.#keyOf(key, kind), entry, { ttl: lifetimeOf(cacheControl?.expire), staleTtl: 0 });
    }

    async revalidateTag(tags: string | readonly string[], durations?: Durations): Promise<void> {
      revalidate(typeof tags === 'string' ? [tags] : tags, durations);
    }

    resetRequestCache(): void {}

    /** `more` are the tags of the call of `fetch`, which may differ from those of the call that stored the response. */
    #stateOf(entry: StoredEntry, more: readonly string[]): TagState {
      const { revalidatedTags = [] } = this.#context;
      if (revalidatedTags.length > 0 && more.some((tag) => revalidatedTags.includes(tag))) return 'expired';
      return store().tags.stateOf([...entry.tags, ...more], entry);
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
      closeStore();
    }

    static async get(key: string, softTags: readonly string[] = []): Promise<UseCacheEntry | undefined> {
      if (isBuild()) return undefined;
      await pendingSets.get(key);
      const { cache, tags: times } = store();
      const found = cache.get(keyOfUse(key)) as StoredUseCache | undefined;
      if (found === undefined) return undefined;
      const { bytes, madeAt, epoch, ...entry } = found;
      const state = times.stateOf([...found.tags, ...softTags], found);
      if (state === 'expired') return undefined;
      const whole = { ...entry, timestamp: timeOf(madeAt), value: streamOf(Buffer.from(bytes, 'latin1')) };
      return state === 'stale' ? { ...whole, revalidate: -1 } : whole;
    }

    static async set(key: string, pending: Promise<UseCacheEntry>): Promise<void> {
      if (isBuild()) return;
      const stored = storeEntry(store(), keyOfUse(key), pending);
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
    const { expire = Number.POSITIVE_INFINITY } = durations ?? {};
    if (typeof expire !== 'number' || Number.isNaN(expire)) {
      throw new ShmTableError('ERR_ARGUMENT', `expire must be a number of seconds, got ${show(expire)}`);
    }
    const { tags: times } = store();
    if (durations === undefined) times.expire(tags);
    else times.makeStale(tags, expire * 1_000);
  }
}

function openStore(options: NextCacheOptions): Store {
  const { cache, isOwn } = openAdapterCache<unknown>(options, [], { codec: 'v8' });
  try {
    return { cache, isOwn, tags: new TagTimes(cache) };
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
  const { content, storedAt, cacheControl } = found;
  return { lastModified: timeOf(storedAt), value: content === null ? null : unpacked(content), cacheControl };
}

/** A page that Next serves and renders again in the background, because its `revalidate` time has passed. */
function stalePage(found: StoredEntry): Found {
  const { cacheControl } = found;
  const revalidate = typeof cacheControl?.revalidate === 'number' ? cacheControl.revalidate : 1;
  const page = contentOf(found);
  return {
    ...page,
    lastModified: Math.min(page.lastModified, justPassed(revalidate)),
    cacheControl: { ...cacheControl, revalidate },
  };
}

function staleFetch(found: StoredEntry, context: ReadContext): Found {
  const answer = contentOf(found);
  const revalidate = context.revalidate || answer.value?.revalidate || 0;
  return { ...answer, lastModified: Math.min(answer.lastModified, justPassed(revalidate)) };
}

function justPassed(seconds: number): number {
  return timeOf(presentBootMs()) - seconds * 1_000 - JUST_PASSED_MS;
}

/** A boot time as a time of the clock by which Next judges the age of entries in this process. */
function timeOf(bootMs: number): number {
  return bootMs + performanceTimeMs() - bootTimeMs();
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
async function storeEntry({ cache, tags }: Store, key: string, pending: Promise<UseCacheEntry>): Promise<void> {
  const { value, timestamp, ...entry } = await pending;
  const bytes = await bytesOf(value);
  if (bytes === undefined || entry.expire <= 0) return;
  const elapsedMs = Math.max(performanceTimeMs() - timestamp, 0);
  const madeAt = bootTimeMs() - elapsedMs;
  const stored: StoredUseCache = { ...entry, bytes: textOf(bytes), madeAt, epoch: tags.epoch };
  cache.set(key, stored, { ttl: lifetimeOf(entry.expire), staleTtl: 0 });
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
