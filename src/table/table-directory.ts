import { ShmTableError } from '../errors.js';
import { Segment } from '../memory/index.js';
import type { BackendName, TableInfo } from './types.js';

/** Where tables are found: each is a segment whose name says its namespace and its own name. */

const PREFIX = 'shmtable:';

export function segmentName(namespace: string, name: string): string {
  return `${PREFIX}${namespace}:${name}`;
}

/** The tables of a namespace, read through `describe`; those that cannot be opened are left out. */
export function listTables(
  namespace: string,
  backend: BackendName | undefined,
  describe: (name: string, backend: BackendName) => TableInfo,
): TableInfo[] {
  const tables: TableInfo[] = [];
  const prefix = segmentName(namespace, '');
  for (const segment of Segment.list()) {
    if (!segment.name.startsWith(prefix) || (backend !== undefined && segment.backend !== backend)) continue;
    try {
      tables.push(describe(segment.name.slice(prefix.length), segment.backend));
    } catch (error) {
      // Destroyed while we looked, damaged, or another user's.
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
  return tables.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function hasCode(error: unknown, code: ShmTableError['code']): boolean {
  return error instanceof ShmTableError && error.code === code;
}
