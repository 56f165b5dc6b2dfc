/** Scripts that are stopped while an operation compiles its code. */
import t from 'tap';
import type { Table } from '../../src/index.js';
import { generous } from '../fixtures/deadline.js';
import { StoppedScript } from '../fixtures/stopped-script.js';
import { scratchTable } from './scratch-table.js';

const columns = { text: 'string(32)' } as const;

const reads: Record<string, (table: Table<typeof columns>) => unknown> = {
  get: (table) => table.get('a'),
  'get of a column': (table) => table.get('a', 'text'),
  entry: (table) => table.entry('a'),
  iteration: (table) => [...table],
  scan: (table) => table.scan({}),
  getMany: (table) => table.getMany(['a']),
  modify: (table) => table.modify('a', () => ({ text: 'b' })),
  take: (table) => table.take('a'),
};

t.test('a vm script is stopped by its timeout while code is compiled, with source maps', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  // With source maps, Node examines each text that is compiled, and reads the current directory meanwhile. Here that
  // takes until the script has been stopped.
  const { cwd, sourceMapsEnabled } = process;
  t.teardown(() => {
    process.cwd = cwd;
    process.setSourceMapsEnabled(sourceMapsEnabled);
  });
  process.setSourceMapsEnabled(true);
  let length = 0;
  for (const [name, read] of Object.entries(reads)) {
    // Short strings of each length are read by separate code, which is compiled for the first of them.
    table.set('a', { text: 'x'.repeat(++length) });
    let asked = 0;
    process.cwd = () => {
      asked++;
      for (const end = performance.now() + 1_000; performance.now() < end; );
      return cwd.call(process);
    };
    t.ok(new StoppedScript(() => read(table), 500).run(generous(20)), name);
    process.cwd = cwd;
    t.equal(asked, 1, `${name} was compiling when its time limit was reached`);
    t.same(table.verify().problems, []);
  }
});
