/** A program whose test framework has replaced clocks and timers creates valid tables. */
import t from 'tap';
import { layOutSegment } from '../../src/table/layout/segment.js';
import { parseSchema } from '../../src/table/options.js';
import { Table } from '../fixtures/placed-table.js';
import { Child } from './child.js';
import { openMemory, scratchName, scratchTable } from './scratch-table.js';

const columns = { n: 'int32' } as const;
/** The id of the second participant; the program under test has created the table. */
const SECOND = 2;

for (const how of ['globals', 'node-test']) {
  for (const when of ['before', 'after']) {
    t.test(`a table works with ${how} replaced ${when} the package is loaded`, async (t) => {
      const older = scratchTable(t, { capacity: 1, columns });
      older.set('k', { n: 1 });
      const name = scratchName(t);
      const child = Child.start<unknown>(t, 'table-mocked-clocks', name, how, when);
      const made = (await child.next()) as { now: number; ttl: number };
      t.equal(made.now, 0, 'the clocks are replaced');
      t.ok(made.ttl > 20_000 && made.ttl <= 60_000, `it sees ${made.ttl} ms`);

      const table = Table.open(name);
      t.teardown(() => table.close());
      t.same(table.verify(), { ok: true, problems: [] });
      const left = table.ttl('k') ?? 0;
      t.ok(left > 20_000 && left <= 60_000, `another process sees ${left} ms`);
      const { expiresAt, revision = 0 } = table.entry('k') ?? {};
      t.ok(Math.abs((expiresAt ?? 0) - left - Date.now()) < 5_000, 'in wall time');
      t.ok(revision > (older.entry('k')?.revision ?? Number.POSITIVE_INFINITY), 'revisions continue to grow');

      // The lock's holder is alive and never releases it.
      const { indexAt } = layOutSegment(parseSchema({ name, capacity: 1, columns }));
      const memory = openMemory(name);
      const words = new Int32Array(memory.buffer);
      words[indexAt / 4] = SECOND;
      child.go();
      t.equal(await child.next(), 'ERR_LOCK_TIMEOUT', 'its wait for a lock ends');
      words[indexAt / 4] = 0;
      memory.close();
      t.equal(await child.ended, 0, 'no timer of the table keeps the process alive');
      t.equal(table.get('k', 'n'), 1);
    });
  }
}
