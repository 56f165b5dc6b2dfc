import { createHash } from 'node:crypto';
import { hasCode } from '../errors.js';
import {
  attachOrClose,
  destroySegment,
  destroyTable,
  type OpenedTable,
  openOrCreateTable,
  openTable,
} from '../table/open.js';
import { type AttachOptions, parseAttach, parseSchema, type TableSchema, wantedSchema } from '../table/options.js';
import { describeMismatch } from '../table/schema-mismatch.js';
import { SharedParts } from '../table/shared-parts.js';
import { TableHandle } from '../table/table-handle.js';
import type { Columns, HeapOptions } from '../table/types.js';

/**
 * The rows that a host has of a table in a cluster: an ordinary table in shared memory with the same columns and some
 * hidden ones, which evicts what is not used. Every process that has the rights may remove rows from it at any time.
 */

/**
 * Hidden columns. The grant under which the row was read, 0 for a place that is held for a read under way; the slot of the
 * key; the row's revision in the cluster; when it expires there, 0 for never; and when it ends here. Times are
 * CLOCK_BOOTTIME in ms. Only held places have a lifetime of the table's own: it would cost every read a second look at the
 * clock.
 */
const HIDDEN = {
  $until: 'float64',
  $expires: 'float64',
  $revision: 'float64',
  $grant: 'int32',
  $slot: 'uint16',
} as const;

/** The longest name of a table that is part of the name of its near table. */
const MAX_NAME = 46;

interface NearStoreOptions {
  readonly namespace: string;
  readonly name: string;
  readonly cluster: string;
  readonly columns: Columns;
  readonly maxKeyBytes: number;
  readonly capacity: number;
  readonly heap: number | HeapOptions | undefined;
  readonly maxParticipants: number | undefined;
}

/** Whether this is the name of a near table, which only `ClusterTable` may write to, and which is worth nothing later. */
export function isNearTableName(name: string): boolean {
  return /^near\.[0-9a-f]{12}\./.test(name);
}

/** The name of the near table of a table. */
function nearTableName(cluster: string, name: string): string {
  const rest = name.length <= MAX_NAME ? name : createHash('sha1').update(name).digest('hex');
  return `near.${cluster}.${rest}`;
}

/** A near table that was opened. */
export interface NearStore<C extends Columns> {
  readonly handle: TableHandle<C>;
  /** Whether it has the columns that are wanted: else rows may only be removed from it. */
  readonly isOwn: boolean;
}

function attachTo<C extends Columns>(attach: AttachOptions) {
  return (opened: OpenedTable): TableHandle<C> => new TableHandle<C>(SharedParts.of(opened, attach), attach);
}

/**
 * Opens or creates the near table. One that has other options, is damaged, or is of another version of this package, is
 * only a cache: it is destroyed, and a new one is created. Throws what `Table.openOrCreate` does beside that.
 */
export function openNearStore<C extends Columns>(options: NearStoreOptions): NearStore<C> {
  const { columns, maxKeyBytes, capacity, heap, maxParticipants } = options;
  const near = { ...nameOf(options), columns: { ...columns, ...HIDDEN }, maxKeyBytes, capacity, heap, maxParticipants };
  const attach = parseAttach(near);
  const schema = parseSchema({ ...near, evict: 'lru' }, true);
  for (;;) {
    try {
      const shared = SharedParts.find(attach, {});
      const handle =
        shared === undefined
          ? openOrCreateTable(attach, schema, {}, attachTo<C>(attach))
          : new TableHandle<C>(shared, attach);
      if (describeMismatch(inOrder(handle.schema), inOrder(schema)) === undefined) return { handle, isOwn: true };
      // This one, and none that another process has created in its place meanwhile.
      destroySegment(attach, handle.segment);
      handle.close();
    } catch (error) {
      if (hasCode(error, 'ERR_TABLE_CORRUPT') || hasCode(error, 'ERR_LAYOUT_VERSION')) destroyIfThere(attach);
      else if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
    }
  }
}

function nameOf({ namespace, cluster, name }: Pick<NearStoreOptions, 'namespace' | 'cluster' | 'name'>) {
  return { namespace, name: nearTableName(cluster, name) };
}

/** Rows are read and written by the names of their columns. */
function inOrder(schema: TableSchema): TableSchema {
  return { ...schema, columns: schema.columns.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function destroyIfThere(attach: AttachOptions): void {
  try {
    destroyTable(attach);
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
  }
}

/** Opens what has the near table's name, whatever its size and columns; undefined if nothing has. */
export function reopenNearStore<C extends Columns>(options: NearStoreOptions): NearStore<C> | undefined {
  const attach = parseAttach(nameOf(options));
  const { columns, maxKeyBytes } = options;
  try {
    const shared = SharedParts.find(attach, {});
    const handle = shared
      ? new TableHandle<C>(shared, attach)
      : attachOrClose(openTable(attach, {}), attachTo<C>(attach));
    const { schema } = handle;
    const wanted = wantedSchema(schema, { columns: { ...columns, ...HIDDEN }, maxKeyBytes });
    return { handle, isOwn: describeMismatch(inOrder(schema), inOrder(wanted)) === undefined };
  } catch (error) {
    if (hasCode(error, 'ERR_TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Opens the near table if it exists, for a thread that only removes rows and does not wait long. */
export function findNearStore(
  { namespace, cluster }: { readonly namespace: string; readonly cluster: string },
  name: string,
  lockTimeoutMs: number,
): TableHandle<Columns> | undefined {
  const attach: AttachOptions = parseAttach({ name: nearTableName(cluster, name), namespace, lockTimeoutMs });
  try {
    return attachOrClose(openTable(attach, {}), (opened) => new TableHandle(SharedParts.of(opened, attach), attach));
  } catch (error) {
    if (hasCode(error, 'ERR_TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}
