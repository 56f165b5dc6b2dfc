import { ShmTableError, show } from '../errors.js';
import { presentTimeMs } from '../table/present.js';
import { Table } from '../table/table.js';
import { type AdapterTableOptions, tablePlace } from './adapter-table.js';

export type ShmTableDriverOptions = AdapterTableOptions & {
  /** Lifetime in milliseconds of items that are stored without one. Default: none. */
  readonly ttl?: number | undefined;
};

/** Options of a single call. */
interface ItemOptions {
  /** Lifetime in seconds, as with the drivers of unstorage. */
  readonly ttl?: number | undefined;
}

type Listener = (event: 'update' | 'remove', key: string) => unknown;

/** `text`: whether the content was a string. */
const COLUMNS = { content: 'blob(40)', text: 'boolean', mtime: 'float64' } as const;
const MAX_KEY_BYTES = 255;
const BLOCK_BYTES = 256;
/** For each block: its owner and its successor, and its occupancy bits. */
const BYTES_BESIDE_BLOCK = 8.3;
const CHANGES_BYTES = 2 ** 18;
const LEAST_HEAP_BYTES = 64 * 1024;
const PAGE = 1_000;

/** A driver, as unstorage uses it. */
export interface ShmTableDriver {
  readonly name: string;
  readonly options: ShmTableDriverOptions;
  getInstance(): Table<typeof COLUMNS>;
  hasItem(key: string): boolean;
  getItem(key: string): string | null;
  getItemRaw(key: string): string | Uint8Array | null;
  setItem(key: string, value: string, options?: ItemOptions): void;
  setItemRaw(key: string, value: unknown, options?: ItemOptions): void;
  removeItem(key: string): void;
  getMeta(key: string): { mtime: Date; size: number; ttl?: number } | null;
  getKeys(base?: string): string[];
  clear(base?: string): Promise<void>;
  watch(listener: Listener): () => Promise<void>;
  dispose(): Promise<void>;
}

/**
 * A driver for unstorage: `createStorage({ driver: shmTableDriver({ name: 'storage' }) })`. All processes and threads of the
 * machine share the items, and `watch` reports the changes that any of them makes. When the memory is full, the items
 * that were used least recently are evicted.
 *
 * A key has at most 255 bytes. Methods throw the errors of `Table`, with which unstorage rejects.
 *
 * @throws {ShmTableError} `ERR_ARGUMENT`, and what `Table.openOrCreate` throws
 */
export function shmTableDriver(options: ShmTableDriverOptions): ShmTableDriver {
  const place = tablePlace(options, 'items', ['ttl']);
  const { ttl: defaultTtl } = options;
  const table = openTable(place);
  const decoder = new TextDecoder();
  const watches = new Set<() => Promise<void>>();

  const store = (key: string, content: Uint8Array, text: boolean, { ttl }: ItemOptions = {}): void => {
    // As with the drivers of unstorage, 0 means none.
    const lifetime = ttl ? Math.ceil(ttl * 1_000) : defaultTtl;
    table.put(key, { content, text, mtime: presentTimeMs() }, { ttl: lifetime ?? null });
  };
  const watch = (listener: Listener): (() => Promise<void>) => {
    const changes = table.watch();
    const told = tellChanges(table, changes, listener);
    const stop = async (): Promise<void> => {
      watches.delete(stop);
      await changes.return?.();
      await told;
    };
    watches.add(stop);
    return stop;
  };

  return {
    name: 'shmtable',
    options,
    getInstance: () => table,
    hasItem: (key) => table.has(key),
    getItem(key) {
      const content = table.get(key, 'content');
      return content === undefined ? null : decoder.decode(content);
    },
    getItemRaw(key) {
      const row = table.get(key);
      if (row === undefined) return null;
      return row.text ? decoder.decode(row.content) : row.content;
    },
    setItem(key, value, options) {
      store(key, textBytes(value), true, options);
    },
    setItemRaw(key, value, options) {
      if (typeof value === 'string') store(key, textBytes(value), true, options);
      else store(key, bytesOf(value), false, options);
    },
    removeItem: (key) => void table.delete(key),
    getMeta(key) {
      const entry = table.entry(key);
      if (entry === undefined) return null;
      const { row, expiresAt } = entry;
      const meta = { mtime: new Date(row.mtime), size: row.content.length };
      const left = expiresAt === null ? undefined : table.ttl(key);
      return left === undefined ? meta : { ...meta, ttl: Math.ceil(left / 1_000) };
    },
    getKeys: (base = '') => keysOf(table, base),
    async clear(base = '') {
      await (base === '' ? table.clear({}) : table.deletePrefix(base));
    },
    watch,
    async dispose() {
      for (const stop of watches) await stop();
      table.close();
    },
  };
}

// biome-ignore lint/style/noDefaultExport: drivers are the default export of their module, as those of unstorage are.
export default shmTableDriver;

function openTable({ name, namespace, bytes, entries }: ReturnType<typeof tablePlace>): Table<typeof COLUMNS> {
  const options = {
    ...{ name, namespace, capacity: entries, columns: COLUMNS, maxKeyBytes: MAX_KEY_BYTES },
    ...({ evict: 'lru', changes: CHANGES_BYTES } as const),
  };
  const least = Table.bytesFor({ ...options, heap: LEAST_HEAP_BYTES }).total;
  if (!(bytes >= least)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `bytes must be at least ${least} for ${entries} entries, got ${show(bytes)}`,
    );
  }
  const blocks = Math.floor((bytes - least) / (BLOCK_BYTES + BYTES_BESIDE_BLOCK));
  return Table.openOrCreate({ ...options, heap: LEAST_HEAP_BYTES + blocks * BLOCK_BYTES });
}

function keysOf(table: Table<typeof COLUMNS>, base: string): string[] {
  const keys: string[] = [];
  let cursor: string | undefined;
  do {
    const page = table.scan({ limit: PAGE, prefix: base, columns: ['text'], cursor });
    for (const { key } of page.entries) keys.push(key);
    cursor = page.cursor ?? undefined;
  } while (cursor !== undefined);
  return keys;
}

/**
 * Reports changes until the iteration ends. After a gap it is unknown what has changed: every item is reported as
 * updated.
 */
async function tellChanges(
  table: Table<typeof COLUMNS>,
  changes: ReturnType<Table<typeof COLUMNS>['watch']>,
  listener: Listener,
): Promise<void> {
  const tell = (event: 'update' | 'remove', key: string): void => {
    try {
      listener(event, key);
    } catch (error) {
      // An uncaught exception, as with events. A program that continues is told of further changes.
      queueMicrotask(() => {
        throw error;
      });
    }
  };
  try {
    for await (const change of changes) {
      if (change.type === 'gap') for (const key of keysOf(table, '')) tell('update', key);
      else tell(change.type === 'insert' || change.type === 'update' ? 'update' : 'remove', change.key);
    }
  } catch (error) {
    // The table was closed or destroyed: there will be no more changes.
    if (!(error instanceof ShmTableError && error.code === 'ERR_TABLE_CLOSED')) throw error;
  }
}

/** UTF-8, which cannot express a lone surrogate. */
function textBytes(value: string): Uint8Array {
  if (typeof value === 'string' && value.isWellFormed()) return Buffer.from(value);
  throw notStorable(value);
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw notStorable(value);
}

function notStorable(value: unknown): ShmTableError {
  return new ShmTableError(
    'ERR_COLUMN_TYPE',
    `an item must be bytes or a string without lone surrogates, got ${show(value)}`,
  );
}
