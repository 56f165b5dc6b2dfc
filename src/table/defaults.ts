import { DEFAULT_BACKEND } from '../memory/index.js';

/** What makes two tables the same, where nothing is said of it. */
export const SCHEMA_DEFAULTS = { maxKeyBytes: 63, evict: 'none', changes: 0 } as const;

/** What a table is, and how a handle attaches, where the options do not say: for the options and their JSON Schemas. */
export const TABLE_DEFAULTS = {
  ...SCHEMA_DEFAULTS,
  maxParticipants: 128,
  backend: DEFAULT_BACKEND,
  hugePages: false,
  readOnly: false,
  namespace: 'default',
  lockTimeoutMs: 1000,
} as const;

/** Rows of a page. */
export const DEFAULT_SCAN_LIMIT = 100;
