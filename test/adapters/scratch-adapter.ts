import type { Test } from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';

/** The namespace of this test process; its children inherit it. */
export const namespace = `adapters-${process.pid}`;
process.env.SHMTABLE_NAMESPACE = namespace;

let made = 0;

/** The options of an adapter, whose memory is removed when the test ends. */
export function scratchOptions(t: Test): { name: string; bytes: number; entries: number } {
  const name = `adapter-${++made}`;
  t.teardown(() => {
    const tables = Table.list().map((table) => table.name);
    if (tables.includes(`${name}.loads`)) Cache.destroy(name);
    else if (tables.includes(name)) Table.destroy(name);
  });
  return { name, bytes: 8 * 2 ** 20, entries: 2_000 };
}
