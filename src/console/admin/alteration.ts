/** From a table as it is to what the form of its alteration says. */
import { formatBytes, formatCount } from '../formats.js';
import { tableBytes } from '../table-bytes.js';
import { typeOf } from './column-types.js';
import { type FormOptions, hasHeap, newColumn, type TableForm } from './table-form.js';

/** A table as `GET /v1/tables/{table}` describes it. */
export interface TableDescription {
  readonly name: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly capacity: number;
  readonly maxKeyBytes: number;
  readonly evict: 'none' | 'lru';
  readonly changes: number;
  readonly heap?: { readonly bytes: number; readonly blockBytes: number };
  readonly rows: number;
  readonly stats: { readonly bytes: number };
}

/** The body of the request, and each change in words. */
interface TableChanges {
  readonly body: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

const MAX_PARTICIPANTS = 1024;

/** The form with the present values of a table. */
export function formOf(table: TableDescription): TableForm {
  return {
    name: table.name,
    capacity: formatCount(table.capacity),
    columns: Object.entries(table.columns).map(([name, type]) => newColumn(name, type, true)),
    maxKeyBytes: String(table.maxKeyBytes),
    evict: table.evict,
    changes: String(table.changes),
    heapBytes: isDefaultHeap(table) ? '' : String(table.heap?.bytes ?? ''),
    blockBytes: isDefaultHeap(table) ? '' : String(table.heap?.blockBytes ?? ''),
    maxParticipants: '',
  };
}

/** The options that the altered table has: what the form leaves out stays as it is. */
export function optionsAfter(table: TableDescription, form: TableForm, options: FormOptions): FormOptions {
  const { maxKeyBytes, heap } = table;
  const maxParticipants = participantsOf(table);
  return {
    maxKeyBytes,
    ...(maxParticipants !== undefined && { maxParticipants }),
    ...(heap !== undefined && hasHeap(form) && !isDefaultHeap(table) && { heap }),
    ...options,
  };
}

/** What differs between a table and the options of its form. */
export function changesTo(table: TableDescription, form: TableForm, options: FormOptions): TableChanges {
  const body: Record<string, unknown> = {};
  const lines: string[] = [];
  const change = (
    name: string,
    title: string,
    before: number,
    now: number,
    format: (value: number) => string,
  ): void => {
    if (before === now) return;
    body[name] = now;
    lines.push(`${title}: ${format(before)} → ${format(now)}`);
  };
  change('capacity', 'Capacity', table.capacity, options.capacity, formatCount);
  change('maxKeyBytes', 'Longest key', table.maxKeyBytes, options.maxKeyBytes ?? table.maxKeyBytes, formatBytes);
  change('changes', 'Change feed', table.changes, options.changes ?? 0, formatBytes);
  if (options.maxParticipants !== undefined) {
    body.maxParticipants = options.maxParticipants;
    lines.push(`Writing threads: ${options.maxParticipants}`);
  }
  const evict = options.evict ?? 'none';
  if (evict !== table.evict) {
    body.evict = evict;
    lines.push(`When full: ${table.evict} → ${evict}`);
  }
  columnChanges(form, body, lines);
  heapChange(table, options, body, lines);
  return { body, lines };
}

function columnChanges({ columns }: TableForm, body: Record<string, unknown>, lines: string[]): void {
  const dropped = columns.filter(({ stored, isDropped }) => stored !== undefined && isDropped);
  const added = columns.filter(({ stored }) => stored === undefined);
  const retyped = columns.filter(
    ({ stored, isDropped, kind, size }) => stored !== undefined && !isDropped && stored !== typeOf(kind, size),
  );
  const types = (list: typeof columns) =>
    Object.fromEntries(list.map(({ name, kind, size }) => [name, typeOf(kind, size)]));
  if (dropped.length > 0) body.drop = dropped.map(({ name }) => name);
  if (added.length > 0) body.add = types(added);
  if (retyped.length > 0) body.type = types(retyped);
  for (const { name } of dropped) lines.push(`Remove the column ${name} with its values`);
  for (const { name, stored, kind, size } of retyped) lines.push(`Type of ${name}: ${stored} → ${typeOf(kind, size)}`);
  for (const { name, kind, size } of added) lines.push(`Add the column ${name}: ${typeOf(kind, size)}`);
}

function heapChange(
  table: TableDescription,
  options: FormOptions,
  body: Record<string, unknown>,
  lines: string[],
): void {
  const { heap } = options;
  // Without one in the form, the heap has the default size, before and after.
  if (heap === undefined) return;
  const now = typeof heap === 'number' ? { bytes: heap, blockBytes: table.heap?.blockBytes ?? 256 } : heap;
  const blockBytes = now.blockBytes ?? 256;
  if (now.bytes === table.heap?.bytes && blockBytes === table.heap.blockBytes) return;
  body.heap = { bytes: now.bytes, blockBytes };
  const before =
    table.heap === undefined ? 'none' : `${formatBytes(table.heap.bytes)} in blocks of ${table.heap.blockBytes}`;
  lines.push(`Heap: ${before} → ${formatBytes(now.bytes)} in blocks of ${blockBytes}`);
}

/** A heap that grows and shrinks with the capacity. */
function isDefaultHeap({ heap, capacity }: TableDescription): boolean {
  return heap !== undefined && heap.bytes === 256 * capacity && heap.blockBytes === 256;
}

/**
 * How many threads may have the table open for writing. The service does not say, but the size of the table does, to within
 * the few that fit into the same pages; undefined if it has hidden columns.
 */
function participantsOf(table: TableDescription): number | undefined {
  const { columns, capacity, maxKeyBytes, evict, changes, heap, stats } = table;
  const options = {
    columns,
    capacity,
    maxKeyBytes,
    evict,
    changes,
    ...(heap !== undefined && { heap }),
  } as FormOptions;
  const bytes = (maxParticipants: number): number => tableBytes({ ...options, maxParticipants }).total;
  try {
    let [least, most] = [1, MAX_PARTICIPANTS];
    while (least < most) {
      const middle = (least + most) >> 1;
      if (bytes(middle) < stats.bytes) least = middle + 1;
      else most = middle;
    }
    return bytes(least) === stats.bytes ? least : undefined;
  } catch {
    return undefined;
  }
}
