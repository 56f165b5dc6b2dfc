/** Stores of long values: JSON sessions of some 300 bytes, texts of 4 KB and images of 64 KB. */
import type { OpenSubject } from '../../src/bench/interleaved.js';
import { json, Table } from '../../src/index.js';
import { requireCompetitor } from '../competitor-packages.js';
import { scratchFolder } from '../scratch-folder.js';
import { connectIoredis } from './redis-clients.js';

/**
 * - `get session`: the sum of `visits` of parsed sessions; `set session`: writes `sessionOf(position)`; the number of
 *   keys
 * - `get text`, `set text`: the same with texts of 4 KB; the sum of their lengths
 * - `get image`, `set image`: with bytes of 64 KB
 */
export const VALUE_OPERATIONS = [
  'get session',
  'set session',
  'get 4 KB text',
  'set 4 KB text',
  'get 64 KB blob',
  'set 64 KB blob',
] as const;
export type ValueOperation = (typeof VALUE_OPERATIONS)[number];
type OpenValues = OpenSubject<ValueOperation>;

/** Images are few and have separate keys, because all of them together are as large as a cache. */
const IMAGES = 64;
const imageKey = (position: number): string => `image-${position % IMAGES}`;

interface Session {
  visits: number;
  user: { id: number; name: string; email: string; roles: string[] };
  cart: { sku: string; quantity: number }[];
  token: string;
  seenAt: number;
}

/** A session of 300 bytes. */
function sessionOf(position: number): Session {
  return {
    visits: position & 0xff,
    user: { id: position, name: 'Ada Lovelace', email: `ada.${position}@example.com`, roles: ['customer', 'editor'] },
    cart: [
      { sku: 'A-1042-XL', quantity: 2 },
      { sku: 'C-7', quantity: 1 },
    ],
    token: '5f1d7a84db00d2fce00b31a7fc73224f6d0e1c0b9d2a4f5e8c7b6a5948372615',
    seenAt: 1_700_000_000_000 + position,
  };
}

const SESSIONS = Array.from({ length: 1024 }, (_, i) => sessionOf(i));
const TEXTS = Array.from({ length: 64 }, (_, i) => flat(`${i} `.padEnd(4096, 'lorem ipsum ')));
const IMAGE = new Uint8Array(65_536).fill(7);

/** The text as a flat string, like one that was read from a socket. */
function flat(text: string): string {
  return Buffer.from(text).toString();
}

const session = (i: number): Session => SESSIONS[i & 1023];
const text = (i: number): string => TEXTS[i & 63];

/** Runs `use` for each position and adds up what it returns. */
function sumOf(keys: readonly string[], use: (key: string, position: number) => number): number {
  let sum = 0;
  for (let i = 0; i < keys.length; i++) sum += use(keys[i], i);
  return sum;
}

export const SHMTABLE_VALUES = 'shmtable';

export const openValueTable: OpenValues = (keys) => {
  const table = Table.create({
    name: `bench-values-${process.pid}`,
    capacity: keys.length + IMAGES,
    columns: { session: json<Session>(), page: 'text', image: 'blob' },
    heap: { bytes: keys.length * (512 + 4096) + 2 * IMAGES * 65_536, blockBytes: 256 },
  });
  for (const [i, key] of keys.entries()) table.set(key, { session: session(i), page: text(i) });
  for (let i = 0; i < IMAGES; i++) table.set(imageKey(i), { image: IMAGE });
  return {
    name: SHMTABLE_VALUES,
    slices: {
      'get session': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += table.get(keys[i], 'session')?.visits ?? 0;
        return sum;
      },
      'set session': (keys) => {
        for (let i = 0; i < keys.length; i++) table.set(keys[i], { session: session(i) });
        return keys.length;
      },
      'get 4 KB text': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += table.get(keys[i], 'page')?.length ?? 0;
        return sum;
      },
      'set 4 KB text': (keys) => {
        for (let i = 0; i < keys.length; i++) table.set(keys[i], { page: text(i) });
        return keys.length;
      },
      'get 64 KB blob': (keys) => sumOf(keys, (_, i) => table.get(imageKey(i), 'image')?.length ?? 0),
      'set 64 KB blob': (keys) => {
        for (let i = 0; i < keys.length; i++) table.set(imageKey(i), { image: IMAGE });
        return keys.length;
      },
    },
    close: () => table.destroy(),
  };
};

/** A `Map` that holds JSON text, like a cache in one process that must not return its own objects. */
export const openTextMap: OpenValues = (keys) => {
  const map = new Map<string, string>();
  for (const [i, key] of keys.entries()) map.set(key, JSON.stringify(session(i)));
  return {
    name: 'Map of JSON text',
    slices: {
      'get session': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += JSON.parse(map.get(keys[i]) ?? '{}').visits;
        return sum;
      },
      'set session': (keys) => {
        for (let i = 0; i < keys.length; i++) map.set(keys[i], JSON.stringify(session(i)));
        return keys.length;
      },
    },
    close: () => undefined,
  };
};

/** The copy alone, to existing memory. */
export const openCopy: OpenValues = () => {
  const source = Buffer.from(IMAGE);
  const target = Buffer.alloc(IMAGE.length);
  return {
    name: 'Buffer.copy',
    slices: { 'get 64 KB blob': (keys) => sumOf(keys, () => source.copy(target)) },
    close: () => undefined,
  };
};

/** A copy that belongs to the caller. */
export const openFreshCopy: OpenValues = () => ({
  name: 'new Uint8Array',
  slices: { 'get 64 KB blob': (keys) => sumOf(keys, () => new Uint8Array(IMAGE).length) },
  close: () => undefined,
});

interface Database {
  get(key: string): unknown;
  getBinary(key: string): Uint8Array;
  putSync(key: string, value: unknown): boolean;
  close(): Promise<void>;
}

export const openLmdbValues: OpenValues = (keys) => {
  const { open }: { open(options: Record<string, unknown>): Database } = requireCompetitor('lmdb');
  const folder = scratchFolder();
  const options = { noSync: true, sharedStructuresKey: Symbol.for('structures') };
  const sessions = open({ path: folder.path('sessions.lmdb'), ...options });
  const pages = open({ path: folder.path('pages.lmdb'), encoding: 'string', noSync: true });
  const images = open({ path: folder.path('images.lmdb'), encoding: 'binary', noSync: true });
  for (const [i, key] of keys.entries()) {
    sessions.putSync(key, session(i));
    pages.putSync(key, text(i));
  }
  for (let i = 0; i < IMAGES; i++) images.putSync(imageKey(i), IMAGE);
  return {
    name: 'lmdb',
    slices: {
      'get session': (keys) => sumOf(keys, (key) => (sessions.get(key) as Session).visits),
      'set session': (keys) => {
        for (let i = 0; i < keys.length; i++) sessions.putSync(keys[i], session(i));
        return keys.length;
      },
      'get 4 KB text': (keys) => sumOf(keys, (key) => (pages.get(key) as string).length),
      'set 4 KB text': (keys) => {
        for (let i = 0; i < keys.length; i++) pages.putSync(keys[i], text(i));
        return keys.length;
      },
      'get 64 KB blob': (keys) => sumOf(keys, (_, i) => images.getBinary(imageKey(i)).length),
      'set 64 KB blob': (keys) => {
        for (let i = 0; i < keys.length; i++) images.putSync(imageKey(i), IMAGE);
        return keys.length;
      },
    },
    async close() {
      await Promise.all([sessions.close(), pages.close(), images.close()]);
      folder.remove();
    },
  };
};

export const openRedisValues =
  (socket: string): OpenValues =>
  async (keys) => {
    const client = connectIoredis(socket);
    for (const [i, key] of keys.entries()) await client.send([['SET', key, JSON.stringify(session(i))]]);
    return {
      name: 'Redis by ioredis',
      slices: {
        'get session': async (keys) => {
          let sum = 0;
          for (const key of keys) sum += JSON.parse(String((await client.send([['GET', key]]))[0])).visits;
          return sum;
        },
        'set session': async (keys) => {
          for (const [i, key] of keys.entries()) await client.send([['SET', key, JSON.stringify(session(i))]]);
          return keys.length;
        },
      },
      close: () => client.close(),
    };
  };
