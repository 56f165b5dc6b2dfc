import { ShmTableError } from '../errors.js';
import { Segment, SHARED_BACKENDS } from '../memory/index.js';
import type { BackendName, LookupOptions, OpenOptions, TableInfo } from './types.js';

/** Where tables are found: each one is a segment whose name contains its namespace and its own name. */

const PREFIX = 'shmtable:';

export function segmentName(namespace: string, name: string): string {
  return `${PREFIX}${namespace}:${name}`;
}

/**
 * The tables of a namespace, read through `describe`; those that cannot be opened are left out. A table in a file is
 * found while a process has it open, or if its `path` is given, in which case nothing else is examined.
 */
export function listTables(
  namespace: string,
  { backend, path }: LookupOptions,
  describe: (name: string, where: OpenOptions) => TableInfo,
): TableInfo[] {
  const tables: TableInfo[] = [];
  const prefix = segmentName(namespace, '');
  for (const segment of Segment.list({ path })) {
    if (!segment.name.startsWith(prefix) || !isWanted(segment.backend, backend)) continue;
    try {
      const where = { backend: segment.backend, path: segment.backend === 'file' ? segment.location : undefined };
      tables.push(describe(segment.name.slice(prefix.length), where));
    } catch (error) {
      // Destroyed meanwhile, damaged, or another user's.
      if (!(error instanceof ShmTableError)) throw error;
    }
  }
  return tables.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isWanted(found: BackendName, wanted: BackendName | undefined): boolean {
  if (wanted === 'auto') return SHARED_BACKENDS.includes(found);
  return wanted === undefined || found === wanted;
}
