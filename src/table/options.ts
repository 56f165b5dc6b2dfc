import { ShmTableError, show } from '../errors.js';
import { BACKEND_NAMES, checkOptions } from '../memory/index.js';
import { HEAP_DEFAULTS, TABLE_DEFAULTS } from './defaults.js';
import { leastFeedBytes } from './layout/change-feed.js';
import { HEAP_OPTIONS } from './option-names.js';
import { type Column, parseColumns } from './schema.js';
import type { BackendName, Columns, OpenOptions, TableOptions } from './types.js';

/** Everything that defines a table: stored in the segment, and compared when it is opened with a schema. */
export interface TableSchema {
  readonly columns: readonly Column[];
  readonly capacity: number;
  readonly maxKeyBytes: number;
  readonly evict: 'none' | 'lru';
  readonly changes: number;
  /** Undefined for a table without long columns. */
  readonly heap: HeapSchema | undefined;
  readonly maxParticipants: number;
  readonly schemaVersion: number;
}

/** Room for values outside their rows. */
export interface HeapSchema {
  readonly bytes: number;
  readonly blockBytes: number;
}

/** Where a table is, and how this handle attaches. */
export interface AttachOptions {
  readonly name: string;
  readonly namespace: string;
  readonly backend: BackendName;
  readonly path: string | undefined;
  readonly hugePages: boolean;
  readonly readOnly: boolean;
  readonly lockTimeoutMs: number;
}

export const MAX_CAPACITY = 2 ** 31 - 1;
export const MAX_KEY_BYTES = 255;
export const MAX_PARTICIPANTS = 1024;
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** What a full table may do. */
export const EVICTIONS = ['none', 'lru'] as const;
/** Maximum bytes of a change feed: the maximum size of an external ArrayBuffer on the oldest supported Node. */
const MAX_CHANGES_BYTES = 2 ** 32;
/** Bounds of a heap's blocks: sizes in bytes, and how many there may be. */
export const MIN_BLOCK_BYTES = 64;
export const MAX_BLOCK_BYTES = 4096;
export const MAX_BLOCKS = 2 ** 31 - 2;

/** Names of tables and namespaces. */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/**
 * Returns the options that define the table, with their defaults. `mayHide`: the columns are those of a layer above.
 * `ERR_SCHEMA_INVALID`, `ERR_ARGUMENT`.
 */
export function parseSchema(options: TableOptions<Columns>, mayHide = false): TableSchema {
  return parseWith(parseColumns(options.columns, mayHide), options);
}

function parseWith(columns: readonly Column[], options: Omit<TableOptions<Columns>, 'columns'>): TableSchema {
  const maxKeyBytes = integer('maxKeyBytes', options.maxKeyBytes ?? TABLE_DEFAULTS.maxKeyBytes, 1, MAX_KEY_BYTES);
  const capacity = integer('capacity', options.capacity, 1, MAX_CAPACITY);
  return {
    columns,
    capacity,
    maxKeyBytes,
    evict: oneOf('evict', options.evict ?? TABLE_DEFAULTS.evict, EVICTIONS),
    changes: parseChanges(options.changes ?? TABLE_DEFAULTS.changes, maxKeyBytes),
    heap: parseHeap(options.heap, columns, capacity),
    maxParticipants: integer(
      'maxParticipants',
      options.maxParticipants ?? TABLE_DEFAULTS.maxParticipants,
      1,
      MAX_PARTICIPANTS,
    ),
    schemaVersion: integer(
      'schemaVersion',
      options.schemaVersion ?? TABLE_DEFAULTS.schemaVersion,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
  };
}

const ON_MISMATCH = ['throw', 'alter', 'recreate'] as const;

export function parseOnMismatch(value: unknown): (typeof ON_MISMATCH)[number] {
  return oneOf('onMismatch', value ?? 'throw', ON_MISMATCH);
}

/** The options, completed with the defaults of those that define the table. Throws as `parseSchema` does. */
export function withSchemaDefaults<O extends TableOptions<Columns>>(options: O) {
  const { maxKeyBytes, evict, changes, heap } = parseSchema(options);
  return { ...options, maxKeyBytes, evict, changes, heap };
}

/**
 * The schema that an opener requires; parts that were not given are taken from the table. Throws as `parseSchema` does.
 */
export function wantedSchema(stored: TableSchema, wanted: OpenOptions): TableSchema {
  const columns = wanted.columns === undefined ? stored.columns : parseColumns(wanted.columns, true);
  return parseWith(columns, {
    name: '',
    capacity: wanted.capacity ?? stored.capacity,
    maxKeyBytes: wanted.maxKeyBytes ?? stored.maxKeyBytes,
    evict: wanted.evict ?? stored.evict,
    changes: wanted.changes ?? stored.changes,
    // A difference of the columns is not also reported as one of the heap.
    heap: wanted.heap ?? (columns.some(isLong) ? stored.heap : undefined),
  });
}

function isLong({ field }: Column): boolean {
  return field.form === 'long';
}

function parseHeap(value: unknown, columns: readonly Column[], capacity: number): HeapSchema | undefined {
  if (!columns.some(isLong)) {
    if (value === undefined) return undefined;
    throw new ShmTableError(
      'ERR_SCHEMA_INVALID',
      `heap is for tables with columns of type text, blob or json; got ${show(value)}`,
    );
  }
  const given = typeof value === 'object' && value !== null ? value : { bytes: value };
  checkOptions(given, HEAP_OPTIONS);
  const { blockBytes = HEAP_DEFAULTS.blockBytes, bytes = HEAP_DEFAULTS.bytesPerRow * capacity }: HeapGiven = given;
  const block = integer('heap.blockBytes', blockBytes, MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);
  if ((block & (block - 1)) !== 0) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `heap.blockBytes must be a power of two from ${MIN_BLOCK_BYTES} to ${MAX_BLOCK_BYTES}, got ${block}`,
    );
  }
  return { bytes: integer('heap.bytes', bytes, block, MAX_BLOCKS * block), blockBytes: block };
}

interface HeapGiven {
  readonly bytes?: unknown;
  readonly blockBytes?: unknown;
}

function parseChanges(value: unknown, maxKeyBytes: number): number {
  const changes = integer('changes', value, 0, MAX_CHANGES_BYTES);
  const least = leastFeedBytes(maxKeyBytes);
  if (changes !== 0 && changes < least) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `changes must be 0, or at least ${least} bytes for keys of up to ${maxKeyBytes} bytes, got ${changes}`,
    );
  }
  return changes;
}

/** The options that say where the table is and how to attach, with their defaults. `ERR_ARGUMENT`. */
export function parseAttach(options: Omit<Partial<TableOptions<Columns>>, 'name'> & { name: string }): AttachOptions {
  const backend = oneOf('backend', options.backend ?? TABLE_DEFAULTS.backend, BACKEND_NAMES);
  return {
    name: nameOf('table name', options.name),
    namespace: parseNamespace(options.namespace),
    backend,
    path: parsePath(backend, options.path),
    hugePages: flag('hugePages', options.hugePages ?? TABLE_DEFAULTS.hugePages),
    readOnly: flag('readOnly', options.readOnly ?? TABLE_DEFAULTS.readOnly),
    lockTimeoutMs: integer('lockTimeoutMs', options.lockTimeoutMs ?? TABLE_DEFAULTS.lockTimeoutMs, 0, MAX_TIMEOUT_MS),
  };
}

function parsePath(backend: BackendName, path: unknown): string | undefined {
  if (backend === 'file') {
    if (typeof path === 'string' && path !== '') return path;
    throw new ShmTableError('ERR_ARGUMENT', `backend file needs path, the path of the table's file; got ${show(path)}`);
  }
  if (path === undefined) return undefined;
  throw new ShmTableError('ERR_ARGUMENT', `path is for backend file, not for ${backend}; got ${show(path)}`);
}

/** The given namespace, else the environment's `SHMTABLE_NAMESPACE`, else `default`. */
export function parseNamespace(namespace: unknown): string {
  return nameOf('namespace', namespace ?? (process.env.SHMTABLE_NAMESPACE || TABLE_DEFAULTS.namespace));
}

function nameOf(what: string, name: unknown): string {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} ${show(name)} does not match ${NAME.source}`);
  }
  return name;
}

/** Checks that an option is an integer within bounds; `ERR_ARGUMENT` names the value and the limits. */
export function integer(what: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be an integer from ${min} to ${max}, got ${show(value)}`);
  }
  return value;
}

function flag(what: string, value: unknown): boolean {
  if (typeof value !== 'boolean') {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be true or false, got ${show(value)}`);
  }
  return value;
}

function oneOf<T extends string>(what: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `${what} must be one of ${allowed.join(', ')}; got ${show(value)}`);
  }
  return found;
}
