/**
 * Stores of Keyv, of express-session and of limiters: ours, those over a `Map` that the libraries have themselves, the same
 * interface over Redis, and over nothing, which shows what the library and its promises cost. Every call is awaited.
 */
import { createRequire } from 'node:module';
import { MemoryStore as ExpressLimits } from 'express-rate-limit';
import expressSession from 'express-session';
import { Keyv } from 'keyv';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import KeyvShmTable from '../../src/adapters/keyv.js';
import { ExpressRateLimitStore, FastifyRateLimitStore, RateLimiterShmTable } from '../../src/adapters/rate-limit.js';
import ShmTableSessionStore from '../../src/adapters/session.js';
import type { OpenSubject, Slice } from '../../src/bench/interleaved.js';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { requireCompetitor } from '../competitor-packages.js';

export const SHMTABLE = 'shmtable';
export const MAP = 'Map';
export const REDIS = 'Redis by ioredis';
export const NOTHING = 'nothing';

export const KEYV_OPERATIONS = ['get', 'set'] as const;
export type KeyvOperation = (typeof KEYV_OPERATIONS)[number];
export const SESSION_OPERATIONS = ['get session', 'set session'] as const;
export type SessionOperation = (typeof SESSION_OPERATIONS)[number];
export const LIMIT_OPERATIONS = ['rate-limiter-flexible', 'express-rate-limit', '@fastify/rate-limit'] as const;
export type LimitOperation = (typeof LIMIT_OPERATIONS)[number];

const DAY_MS = 86_400_000;
const EXPIRES = new Date(Date.now() + DAY_MS).toISOString();
const WINDOW_MS = 3_600_000;
const BYTES_PER_VALUE = 1_500;
const OTHER_BYTES = 8 * 2 ** 20;

/** 300 bytes as JSON. */
function sessionOf(number: number) {
  return {
    cookie: { originalMaxAge: DAY_MS, expires: EXPIRES, httpOnly: true, path: '/' },
    visits: number & 0xffff,
    name: 'Ada Lovelace',
    roles: ['reader', 'editor'],
    cart: [
      { sku: 'A-1', count: 2 },
      { sku: 'B-7', count: 1 },
    ],
    token: '0123456789abcdef'.repeat(4),
  };
}

interface Ioredis {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, unit: 'PX', ms: number): Promise<unknown>;
  del(key: string): Promise<number>;
  quit(): Promise<unknown>;
}

function connect(socket: string): Ioredis {
  const Redis: new (path: string) => Ioredis = requireCompetitor('ioredis');
  return new Redis(socket);
}

function cacheOptions(name: string, keys: readonly string[]) {
  const name_ = `bench-${name}-${process.pid}`;
  return { name: name_, bytes: keys.length * BYTES_PER_VALUE + OTHER_BYTES, entries: Math.max(keys.length, 100) };
}

// ---- Keyv ----

type OpenKeyv = OpenSubject<KeyvOperation>;

async function keyvSubject(name: string, keyv: Keyv, keys: readonly string[], close: () => unknown) {
  for (const [i, key] of keys.entries()) await keyv.set(key, sessionOf(i), DAY_MS);
  const get: Slice = async (keys) => {
    let found = 0;
    for (let i = 0; i < keys.length; i++) if ((await keyv.get(keys[i])) !== undefined) found++;
    return found;
  };
  const set: Slice = async (keys) => {
    for (let i = 0; i < keys.length; i++) await keyv.set(keys[i], sessionOf(i), DAY_MS);
    return keys.length;
  };
  return { name, slices: { get, set }, close: async () => void (await close()) };
}

export const openKeyvShmTable: OpenKeyv = (keys) => {
  const cache = Cache.open(cacheOptions('keyv', keys));
  const keyv = new Keyv({ store: new KeyvShmTable({ cache }), throwOnErrors: true });
  return keyvSubject(SHMTABLE, keyv, keys, () => cache.destroy());
};

export const openKeyvMap: OpenKeyv = (keys) => keyvSubject(MAP, new Keyv(), keys, () => undefined);

/** A store that has one value, which is not parsed for each key. */
export const openKeyvNothing: OpenKeyv = (keys) => {
  const text = JSON.stringify({ value: sessionOf(1) });
  const store = {
    opts: {},
    get: async () => text,
    set: async () => true,
    delete: async () => true,
    clear: async () => {},
  };
  return keyvSubject(NOTHING, new Keyv({ store }), keys, () => undefined);
};

export const openKeyvRedis =
  (socket: string): OpenKeyv =>
  (keys) => {
    const redis = connect(socket);
    const store = {
      opts: {},
      get: async (key: string) => (await redis.get(key)) ?? undefined,
      set: (key: string, value: string, ttl: number) => redis.set(key, value, 'PX', ttl),
      delete: async (key: string) => (await redis.del(key)) > 0,
      clear: async () => {},
    };
    return keyvSubject(REDIS, new Keyv({ store: store as never }), keys, () => redis.quit());
  };

// ---- sessions ----

type OpenSessions = OpenSubject<SessionOperation>;
type Content = ReturnType<typeof sessionOf>;

interface SessionStore {
  get(id: string, callback: (error: unknown, session?: unknown) => void): void;
  set(id: string, session: Content, callback: (error?: unknown) => void): void;
}

async function sessionSubject(name: string, store: SessionStore, keys: readonly string[], close: () => unknown) {
  const get = (id: string): Promise<unknown> =>
    new Promise((resolve, reject) => store.get(id, (error, session) => (error ? reject(error) : resolve(session))));
  const set = (id: string, session: Content): Promise<void> =>
    new Promise((resolve, reject) => store.set(id, session, (error) => (error ? reject(error) : resolve())));
  for (const [i, key] of keys.entries()) await set(key, sessionOf(i));
  const getSlice: Slice = async (keys) => {
    let found = 0;
    for (let i = 0; i < keys.length; i++) if ((await get(keys[i])) !== null) found++;
    return found;
  };
  const setSlice: Slice = async (keys) => {
    for (let i = 0; i < keys.length; i++) await set(keys[i], sessionOf(i));
    return keys.length;
  };
  return {
    name,
    slices: { 'get session': getSlice, 'set session': setSlice },
    close: async () => void (await close()),
  };
}

export const openSessions: OpenSessions = (keys) => {
  const cache = Cache.open(cacheOptions('sessions', keys));
  return sessionSubject(SHMTABLE, new ShmTableSessionStore({ cache }), keys, () => cache.destroy());
};

/** That of express-session: an object with JSON. */
export const openMemorySessions: OpenSessions = (keys) => {
  const store = new expressSession.MemoryStore();
  return sessionSubject(MAP, store as unknown as SessionStore, keys, () => undefined);
};

export const openNoSessions: OpenSessions = (keys) => {
  const session = sessionOf(1);
  const store: SessionStore = {
    get: (_, callback) => queueMicrotask(() => callback(null, session)),
    set: (_, _session, callback) => queueMicrotask(() => callback(null)),
  };
  return sessionSubject(NOTHING, store, keys, () => undefined);
};

export const openRedisSessions =
  (socket: string): OpenSessions =>
  (keys) => {
    const redis = connect(socket);
    const store: SessionStore = {
      get(id, callback) {
        redis.get(id).then((text) => callback(null, text === null ? null : JSON.parse(text)), callback);
      },
      set(id, session, callback) {
        redis.set(id, JSON.stringify(session), 'PX', DAY_MS).then(() => callback(null), callback);
      },
    };
    return sessionSubject(REDIS, store, keys, () => redis.quit());
  };

// ---- rate limits ----

type OpenLimits = OpenSubject<LimitOperation>;
type Hit = (key: string) => unknown;

interface FastifyStore {
  incr(key: string, callback: (error: unknown, result?: object) => void, windowMs: number, max: number): void;
}

const LIMIT = { points: 1e9, duration: WINDOW_MS / 1_000 };

function hits(hit: Hit): Slice {
  return async (keys) => {
    for (let i = 0; i < keys.length; i++) await hit(keys[i]);
    return keys.length;
  };
}

function fastifyHit(store: FastifyStore): Hit {
  return (key) =>
    new Promise((resolve, reject) =>
      store.incr(key, (error, result) => (error ? reject(error) : resolve(result)), WINDOW_MS, LIMIT.points),
    );
}

export const openLimits: OpenLimits = (keys) => {
  const options = (name: string) => ({ name: `bench-${name}-${process.pid}`, entries: Math.max(2 * keys.length, 100) });
  const flexible = new RateLimiterShmTable({ ...LIMIT, ...options('flexible') });
  const express = new ExpressRateLimitStore(options('express'));
  express.init({ windowMs: WINDOW_MS });
  const fastify = new (FastifyRateLimitStore.with(options('fastify')))({});
  return {
    name: SHMTABLE,
    slices: {
      'rate-limiter-flexible': hits((key) => flexible.consume(key)),
      'express-rate-limit': hits((key) => express.increment(key)),
      '@fastify/rate-limit': hits(fastifyHit(fastify)),
    },
    close() {
      for (const name of ['flexible', 'express', 'fastify']) Table.destroy(options(name).name);
    },
  };
};

export const openMemoryLimits: OpenLimits = (keys) => {
  const flexible = new RateLimiterMemory(LIMIT);
  const express = new ExpressLimits();
  express.init({ windowMs: WINDOW_MS } as never);
  const LocalStore = createRequire(import.meta.url)('@fastify/rate-limit/store/LocalStore.js');
  const fastify: FastifyStore = new LocalStore(false, false, 2 * keys.length);
  return {
    name: MAP,
    slices: {
      'rate-limiter-flexible': hits((key) => flexible.consume(key)),
      'express-rate-limit': hits((key) => express.increment(key)),
      '@fastify/rate-limit': hits(fastifyHit(fastify)),
    },
    close: () => express.shutdown(),
  };
};

export const openRedisLimits =
  (socket: string): OpenLimits =>
  () => {
    const redis = connect(socket);
    const flexible = new RateLimiterRedis({ ...LIMIT, storeClient: redis });
    return {
      name: REDIS,
      slices: { 'rate-limiter-flexible': hits((key) => flexible.consume(key)) },
      close: async () => void (await redis.quit()),
    };
  };
