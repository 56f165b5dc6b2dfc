import t, { type Test } from 'tap';
import { type Columns, ShmTableError, type TableOptions } from '../../src/index.js';
import { Segment } from '../../src/pools/index.js';
import { placeOf, Table, testBackend } from '../fixtures/placed-table.js';

/** The namespace of this test process; its children inherit it and open tables by name alone. */
export const namespace = `test-${process.pid}`;
process.env.SHMTABLE_NAMESPACE = namespace;

let created = 0;

/** A name that no other table of this process has; a table under it is removed when the test ends. */
export function scratchName(t: Test): string {
  const name = `table-${++created}`;
  t.teardown(() => removeTable(name));
  return name;
}

/** A table that is gone when the test ends, whatever the test did with it. */
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

/** The memory of a table, to be closed by who opened it. */
export function openMemory(name: string, { readOnly = false } = {}): Segment {
  return Segment.open({ name: `shmtable:${namespace}:${name}`, readOnly, ...placeOf(name) });
}

/** The file that a posix table's memory is. */
export function segmentFile(name: string): string {
  return `/dev/shm/shmtable:${namespace}:${name}`;
}

/** A test of what takes a second handle on a table, which a devzero one cannot have: there it is left out. */
export function testShared(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend !== 'devzero') t.test(name, run);
}
