/** Names of the options that the methods of a table take; the compiler ensures that none is missing. */
import type {
  AlterOptions,
  ClearOptions,
  HeapOptions,
  IncrementOptions,
  LookupOptions,
  ScanOptions,
  TableOptions,
  WatchOptions,
  WriteOptions,
} from './types.js';

type Names<T> = Record<keyof T, true>;

const lookup: Names<LookupOptions> = { namespace: true, backend: true, path: true };

const table: Names<TableOptions> = {
  name: true,
  capacity: true,
  columns: true,
  maxKeyBytes: true,
  evict: true,
  changes: true,
  heap: true,
  maxParticipants: true,
  schemaVersion: true,
  onMismatch: true,
  hugePages: true,
  readOnly: true,
  lockTimeoutMs: true,
  ...lookup,
};

const alter: Names<AlterOptions> = {
  capacity: true,
  add: true,
  drop: true,
  type: true,
  columns: true,
  maxKeyBytes: true,
  evict: true,
  changes: true,
  heap: true,
  maxParticipants: true,
  schemaVersion: true,
  hugePages: true,
  lockTimeoutMs: true,
  ...lookup,
};

const heap: Names<HeapOptions> = { bytes: true, blockBytes: true };
const scan: Names<ScanOptions> = { cursor: true, limit: true, prefix: true, columns: true };
const watch: Names<WatchOptions> = { prefix: true, since: true };
const write: Names<WriteOptions> = { ttl: true };
const increment: Names<IncrementOptions> = { ...write, ttlIfNew: true };
const clear: Names<ClearOptions> = { yieldMs: true };

export const TABLE_OPTIONS = Object.keys(table);
export const ALTER_OPTIONS = Object.keys(alter);
export const HEAP_OPTIONS = Object.keys(heap);
export const LOOKUP_OPTIONS = Object.keys(lookup);
export const SCAN_OPTIONS = Object.keys(scan);
export const WATCH_OPTIONS = Object.keys(watch);
export const WRITE_OPTIONS = Object.keys(write);
export const INCREMENT_OPTIONS = Object.keys(increment);
export const CLEAR_OPTIONS = Object.keys(clear);
/** For the service's writes. */
export const CONDITIONAL_OPTIONS = [...WRITE_OPTIONS, 'ifRevision', 'expiresAt'];
export const REMOVE_OPTIONS = ['ifRevision'];
