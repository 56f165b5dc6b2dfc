import t, { type Test } from 'tap';
import { type Columns, ShmTableError, type TableOptions } from '../../src/index.js';
import { Segment } from '../../src/pools/index.js';
import { placeOf, Table, testBackend } from '../fixtures/placed-table.js';

/** The namespace of this test process; its children inherit it and so open tables just by name. */
export const namespace = `test-${process.pid}`;
process.env.SHMTABLE_NAMESPACE = namespace;

let created = 0;

/** A unique name; a table of this name is removed when the test ends. */
export function scratchName(t: Test): string {
  const name = `table-${++created}`;
  t.teardown(() => removeTable(name));
  return name;
}

/** A table that is removed when the test ends, whatever the test did with it. */
export function scratchTable<const C extends Columns>(t: Test, options: Omit<TableOptions<C>, 'name'>): Table<C> {
  const table = Table.create<C>({ ...options, name: scratchName(t) } as TableOptions<C>);
  t.teardown(() => table.close());
  return table;
}

function removeTable(name: string): void {
  try {
    Table.destroy(name);
  } catch (error) {
    if (!(error instanceof ShmTableError && error.code === 'ERR_TABLE_NOT_FOUND')) throw error;
  }
}

/** The memory of a table, which the caller must close. */
export function openMemory(name: string, { readOnly = false } = {}): Segment {
  return Segment.open({ name: `shmtable:${namespace}:${name}`, readOnly, ...placeOf(name) });
}

/** The segments of a table: more than one if an alteration has left something beside it. */
export function segmentsOf(name: string): string[] {
  const own = `shmtable:${namespace}:${name}`;
  return Segment.list().flatMap((segment) =>
    segment.name === own || segment.name.startsWith(`${own}:`) ? [segment.name] : [],
  );
}

/** The file with the memory of a posix table. */
export function segmentFile(name: string): string {
  return `/dev/shm/shmtable:${namespace}:${name}`;
}

/** A test that needs a second handle on a table: it is left out for devzero, whose tables cannot have one. */
export function testShared(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend !== 'devzero') t.test(name, run);
}

/**
 * A test that needs other processes or threads: it is left out for backends whose tables belong to one handle or to one
 * thread.
 */
export function testOfProcesses(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend !== 'process') testShared(name, run);
}
