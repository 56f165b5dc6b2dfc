/**
 * Caches of sessions of some 300 bytes of JSON: ours, and `lru-cache`, which holds the text. Each of them gives the
 * caller a separate object.
 */
import { LRUCache } from 'lru-cache';
import type { OpenSubject, Slice } from '../../src/bench/interleaved.js';
import { Cache } from '../../src/cache/index.js';

export const OPERATIONS = ['get', 'getOrSet', 'absent key', 'set'] as const;
export type CacheOperation = (typeof OPERATIONS)[number];

export const CACHE = 'Cache';
export const LRU_CACHE = 'lru-cache, text and JSON.parse';

interface Session {
  readonly id: string;
  readonly visits: number;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly seen: number;
  readonly cart: readonly { readonly sku: string; readonly count: number }[];
  readonly token: string;
}

/** 290 to 300 bytes as JSON. */
function sessionOf(number: number): Session {
  const id = String(10_000_000 + number);
  return {
    id,
    visits: number & 0xffff,
    name: `Ada Lovelace ${id}`,
    email: `ada.lovelace.${id}@mail.example`,
    roles: ['reader', 'editor'],
    seen: 1_900_000_000_000 + number,
    cart: [
      { sku: `A-${id}`, count: 2 },
      { sku: 'B-7', count: 1 },
    ],
    token: '0123456789abcdef'.repeat(3),
  };
}

function missing(): never {
  throw new Error('a session is missing');
}

/** Bytes for each session: with room to spare, so that nothing is evicted. */
const BYTES_PER_SESSION = 1_500;
const OTHER_BYTES = 8 * 2 ** 20;

export const openCache: OpenSubject<CacheOperation> = (keys) => {
  const cache = Cache.open<Session>({
    name: `bench-${process.pid}`,
    bytes: keys.length * BYTES_PER_SESSION + OTHER_BYTES,
    entries: keys.length,
  });
  keys.forEach((key, i) => {
    cache.set(key, sessionOf(i));
  });
  const getOrSet: Slice = async (keys) => {
    let sum = 0;
    for (let i = 0; i < keys.length; i++) sum += ((await cache.getOrSet(keys[i], missing)) ?? missing()).visits;
    return sum;
  };
  return {
    name: CACHE,
    slices: {
      get: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += (cache.get(keys[i]) ?? missing()).visits;
        return sum;
      },
      getOrSet,
      'absent key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (cache.get(keys[i]) !== undefined) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) cache.set(keys[i], sessionOf(i));
        return keys.length;
      },
    },
    close: () => cache.destroy(),
  };
};

export const openLruCache: OpenSubject<CacheOperation> = (keys) => {
  const cache = new LRUCache<string, string>({ max: keys.length });
  keys.forEach((key, i) => {
    cache.set(key, JSON.stringify(sessionOf(i)));
  });
  return {
    name: LRU_CACHE,
    slices: {
      get: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          const session: Session = JSON.parse(cache.get(keys[i]) ?? missing());
          sum += session.visits;
        }
        return sum;
      },
      'absent key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (cache.get(keys[i]) !== undefined) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) cache.set(keys[i], JSON.stringify(sessionOf(i)));
        return keys.length;
      },
    },
    close: () => cache.clear(),
  };
};
