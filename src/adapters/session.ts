import { EventEmitter } from 'node:events';
import type { Cache } from '../cache/index.js';
import { ShmTableError, show } from '../errors.js';
import { presentTimeMs } from '../table/present.js';
import { type AdapterOptions, openAdapterCache } from './adapter-cache.js';

export type SessionStoreOptions = AdapterOptions<SessionContent> & {
  /** Prefix of each session id in the keys of the cache. Default `sess:`. */
  readonly prefix?: string | undefined;
};

/** The contents of a session: anything that JSON can express, and a cookie. */
// biome-ignore lint/suspicious/noExplicitAny: the session types of the frameworks have no index signature.
type SessionContent = any;

type Done = (error?: unknown) => void;
type Answer<T> = (error: unknown, value?: T) => void;

/** The parts of a request that express-session sets. */
interface SessionRequest {
  sessionID?: string;
  session?: SessionContent;
}

interface SessionClasses {
  readonly Session: new (request: SessionRequest, content: SessionContent) => SessionContent;
  /** The prototype of cookies, which does not lead to their constructor. */
  readonly cookie: object;
}

/** Lifetime of a session whose cookie has none. */
const DAY_MS = 86_400_000;

/**
 * Precedes the key of a session that was destroyed. Its entry is a mark that lets no save of a request that began before
 * bring the session back, for `DESTROYED_MS`: longer than requests take. Ids are not used again.
 */
const DESTROYED = '\0destroyed:';
const DESTROYED_MS = 3_600_000;

/**
 * Sessions in shared memory for express-session and @fastify/session: `store: new ShmTableSessionStore({ name: 'sessions' })`.
 *
 * A session lives as long as its cookie; one without `expires` or `maxAge` as long as the option `ttl`, by default a
 * day. When the memory is full, the sessions that were used least recently are evicted.
 *
 * If a session cannot be stored, the callback gets the error, with a code of `Cache`. Callbacks are called after the
 * method has returned.
 */
export class ShmTableSessionStore extends EventEmitter {
  #generate: ((request: SessionRequest) => void) | undefined;
  readonly #cache: Cache<SessionContent>;
  readonly #isOwn: boolean;
  readonly #prefix: string;
  #classes: SessionClasses | undefined;

  /**
   * Opens the cache of this name, or creates it.
   *
   * @throws {ShmTableError} what `Cache.open` throws
   */
  constructor(options: SessionStoreOptions) {
    super();
    const defaults = (options as { cache?: unknown } | undefined)?.cache === undefined ? { ttl: DAY_MS } : {};
    const { cache, isOwn } = openAdapterCache<SessionContent>(options, ['prefix'], defaults);
    this.#cache = cache;
    this.#isOwn = isOwn;
    const { prefix = 'sess:' } = options;
    if (typeof prefix !== 'string') {
      if (isOwn) cache.close();
      throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
    }
    this.#prefix = prefix;
  }

  /** The session of an id; null if there is none or it has expired. */
  get(id: string, callback: Answer<SessionContent>): void {
    answer(callback, () => this.#read(this.#keyOf(id)) ?? null);
  }

  /**
   * Stores a session; one whose cookie has expired is removed. A session that was destroyed during the last hour remains
   * destroyed: a request that began before may still save it.
   */
  set(id: string, session: SessionContent, callback?: Done): void {
    answer(callback, () => {
      const key = this.#keyOf(id);
      const ttl = lifetimeOf(session?.cookie);
      if (ttl !== undefined && ttl <= 0) {
        this.#cache.delete(key);
        return;
      }
      if (this.#cache.has(DESTROYED + key)) return;
      this.#cache.set(key, session, { ttl, staleTtl: 0 });
      // `destroy` may have run since: either it has removed what was stored here, or its mark is found now.
      if (this.#cache.has(DESTROYED + key)) this.#cache.delete(key);
    });
  }

  /** Extends a session to the lifetime of its cookie, without writing the session again. */
  touch(id: string, session: SessionContent, callback?: Done): void {
    answer(callback, () => {
      const key = this.#keyOf(id);
      const ttl = lifetimeOf(session?.cookie);
      // Its cookie has no lifetime, so that of the session does not change, but it is marked as used.
      if (ttl === undefined) this.#cache.has(key);
      else if (ttl <= 0) this.#cache.delete(key);
      else this.#cache.expire(key, ttl);
    });
  }

  /** Removes a session. Saves of it have no effect for an hour. */
  destroy(id: string, callback?: Done): void {
    answer(callback, () => this.#destroy(this.#keyOf(id)));
  }

  /** All sessions, by their ids. Visits all entries of the cache. */
  all(callback: Answer<Record<string, SessionContent>>): void {
    answer(callback, () => {
      const sessions: Record<string, SessionContent> = Object.create(null);
      for (const key of this.#keys()) {
        const session = this.#read(key);
        if (session !== undefined) sessions[key.slice(this.#prefix.length)] = session;
      }
      return sessions;
    });
  }

  /** The number of sessions. Visits all entries of the cache. */
  length(callback: Answer<number>): void {
    answer(callback, () => [...this.#keys()].length);
  }

  /** Removes all sessions. Visits all entries of the cache. */
  clear(callback?: Done): void {
    answer(callback, () => {
      for (const key of this.#keys()) this.#destroy(key);
    });
  }

  /** Closes the cache, if this store has opened it; the sessions remain. */
  close(): void {
    if (this.#isOwn) this.#cache.close();
  }

  // ---- for express-session only ----

  /** Creates a new session for a request. */
  get generate(): (request: SessionRequest) => void {
    return this.#generate as (request: SessionRequest) => void;
  }

  /** Set by express-session. Its option `genid` may return an id that was used before, which is then a new session. */
  set generate(generate: (request: SessionRequest) => void) {
    this.#generate = (request) => {
      generate(request);
      const mark = DESTROYED + this.#keyOf(request.sessionID as string);
      if (this.#cache.isOpen && this.#cache.has(mark)) this.#cache.delete(mark);
    };
  }

  /** Replaces the session of a request by a new one. */
  regenerate(request: SessionRequest, callback: Done): void {
    this.destroy(request.sessionID as string, (error) => {
      this.generate(request);
      callback(error);
    });
  }

  /** The session of an id with its methods, outside a request. */
  load(id: string, callback: Answer<SessionContent>): void {
    this.get(id, (error, content) => {
      if (error !== null || content === null) callback(error ?? undefined);
      else
        callback(
          null,
          this.createSession({ sessionID: id, sessionStore: this, headers: {} } as SessionRequest, content),
        );
    });
  }

  /** Gives a request the session that was stored. */
  createSession(request: SessionRequest, content: SessionContent): SessionContent {
    this.#classes ??= this.#findClasses(request);
    const { Session, cookie: prototype } = this.#classes;
    const stored = content.cookie;
    const expires = stored.expires;
    const originalMaxAge = stored.originalMaxAge;
    const cookie = Object.create(prototype);
    Object.assign(cookie, { path: '/', httpOnly: true }, stored);
    cookie.expires = typeof expires === 'string' ? new Date(expires) : (expires ?? null);
    // Set after `expires`, which changes it.
    cookie.originalMaxAge = originalMaxAge ?? cookie.maxAge;
    request.session = new Session(request, { ...content, cookie });
    return request.session;
  }

  /**
   * The classes of express-session, from a session that it creates. They are not imported, because this store is also
   * for programs that do not have express-session.
   */
  #findClasses(request: SessionRequest): SessionClasses {
    const id = request.sessionID as string;
    this.generate(request);
    const { session } = request;
    request.sessionID = id;
    return { Session: session.constructor, cookie: Object.getPrototypeOf(session.cookie) };
  }

  /** A session, with its current time of expiry, which `touch` does not write into it. */
  #read(key: string): SessionContent {
    const session = this.#cache.get(key);
    const left = session?.cookie?.expires ? this.#cache.ttl(key) : undefined;
    if (left !== undefined && left !== Number.POSITIVE_INFINITY) {
      session.cookie.expires = new Date(presentTimeMs() + left).toISOString();
    }
    return session;
  }

  *#keys(): Iterable<string> {
    for (const key of this.#cache.keys()) {
      if (key.startsWith(this.#prefix) && !key.startsWith(DESTROYED)) yield key;
    }
  }

  /**
   * Removes the session before its mark is made, so that it is never found beside the mark if this process is killed. An id
   * without a session gets no mark: requests with new ids must not fill the memory.
   */
  #destroy(key: string): void {
    if (!this.#cache.delete(key)) return;
    this.#cache.set(DESTROYED + key, { cookie: {} }, { ttl: DESTROYED_MS, staleTtl: 0 });
    this.#cache.delete(key);
  }

  #keyOf(id: string): string {
    if (typeof id === 'string') return this.#prefix + id;
    throw new ShmTableError('ERR_KEY_INVALID', `a session id must be a string, got ${show(id)}`);
  }
}

// biome-ignore lint/style/noDefaultExport: a session store is the default export of its module.
export default ShmTableSessionStore;

/** Milliseconds until a cookie expires, 0 or less if it has; undefined if it does not. */
function lifetimeOf(cookie: { expires?: unknown; maxAge?: unknown } | undefined): number | undefined {
  const { expires, maxAge } = cookie ?? {};
  if (expires instanceof Date || typeof expires === 'string') {
    const left = new Date(expires).getTime() - presentTimeMs();
    if (!Number.isNaN(left)) return Math.ceil(left);
  }
  return typeof maxAge === 'number' && !Number.isNaN(maxAge)
    ? Math.ceil(Math.min(maxAge, Number.MAX_SAFE_INTEGER))
    : undefined;
}

/** Runs it, and passes the result or the error to the callback, if there is one. */
function answer<T>(callback: Answer<T> | undefined, run: () => T): void {
  let error: unknown = null;
  let value: T | undefined;
  try {
    value = run();
  } catch (thrown) {
    error = thrown;
  }
  if (callback !== undefined) queueMicrotask(() => (error === null ? callback(null, value) : callback(error)));
  // Without a callback the error would be lost.
  else if (error !== null) throw error;
}
