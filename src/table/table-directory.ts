import { ShmTableError } from '../errors.js';
import { Segment } from '../memory/index.js';
import type { AttachOptions } from './options.js';
import { DESTROYED, STATE } from './segment-layout.js';
import type { BackendName, TableInfo } from './types.js';

/** Where tables are found: each is a segment whose name says its namespace and its own name. */

const PREFIX = 'shmtable:';

function segmentName(namespace: string, name: string): string {
  return `${PREFIX}${namespace}:${name}`;
}

/** Makes the segment of a table; nobody sees it before `initialise` is done. `ERR_TABLE_EXISTS`. */
export function createSegment(attach: AttachOptions, bytes: number, initialise: (buffer: ArrayBuffer) => void): Segment {
  const options = { ...segmentOptions(attach), size: bytes, hugePages: attach.hugePages };
  try {
    return Segment.create(options, (segment) => initialise(segment.buffer));
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_EXISTS')) throw error;
    throw new ShmTableError('ERR_TABLE_EXISTS', `there is a table ${attach.name} in namespace ${attach.namespace} already`, {
      cause: error,
    });
  }
}

/** `ERR_TABLE_NOT_FOUND`, `ERR_PERMISSION`. */
export function openSegment(attach: AttachOptions): Segment {
  try {
    return Segment.open({ ...segmentOptions(attach), readOnly: attach.readOnly });
  } catch (error) {
    if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw notFound(attach);
    throw error;
  }
}

function segmentOptions({ backend, namespace, name }: AttachOptions): { backend: BackendName; name: string } {
  return { backend, name: segmentName(namespace, name) };
}

export function notFound({ name, namespace }: AttachOptions): ShmTableError {
  return new ShmTableError('ERR_TABLE_NOT_FOUND', `there is no table ${name} in namespace ${namespace}`);
}

/**
 * Marks the segment, so that all its handles refuse from now on, and unlinks its name. In this order: the other way
 * round, others would write on into a table that nobody finds any more.
 */
export function destroySegment(segment: Segment): void {
  Atomics.store(new Int32Array(segment.buffer, 0, STATE + 1), STATE, DESTROYED);
  segment.unlink();
}

/** The tables of a namespace, read through `open`; those that cannot be opened are left out. */
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
