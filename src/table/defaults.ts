import { DEFAULT_BACKEND } from '../memory/index.js';

/** The defaults of the options, also for their JSON Schemas. */
export const TABLE_DEFAULTS = {
  maxKeyBytes: 63,
  evict: 'none',
  changes: 0,
  maxParticipants: 128,
  schemaVersion: 0,
  backend: DEFAULT_BACKEND,
  hugePages: false,
  readOnly: false,
  namespace: 'default',
  lockTimeoutMs: 1000,
} as const;

/** The defaults of a heap: bytes of a block, and bytes for each row of the capacity. */
export const HEAP_DEFAULTS = { blockBytes: 256, bytesPerRow: 256 } as const;

/** Rows on a page. */
export const DEFAULT_SCAN_LIMIT = 100;
