import '../../fixtures/under-refused-calls.js';
import t, { type Test } from 'tap';
import { ShmTableError, Table } from '../../../src/index.js';
import { testBackend } from '../../fixtures/placed-table.js';
import { refusing } from '../../fixtures/refused-calls.js';
import { scratchName, segmentsOf } from '../scratch-table.js';

/** The calls are those of the backend posix; other backends refuse an alteration, or make others. */
function testPosix(name: string, run: (t: Test) => Promise<void>): void {
  if (testBackend === 'posix') t.test(name, run);
}

/** The system calls that an alteration makes, each with an errno that it may end with. */
const REFUSALS = {
  open: 'EMFILE',
  lock: 'ENOLCK',
  link: 'ENOSPC',
} as const;

testPosix('an alteration that the system refuses leaves the table as it was, and nothing else', async (t) => {
  for (const [call, errno] of Object.entries(REFUSALS)) {
    const name = scratchName(t);
    const table = Table.create({ name, capacity: 20, columns: { n: 'int32' }, changes: 1 << 14, lockTimeoutMs: 200 });
    for (let i = 0; i < 20; i++) table.set(`row-${i}`, { n: i });
    const before = table.entry('row-7');
    let thrown: unknown;
    refusing({ [call]: errno }, () => {
      try {
        Table.alter(name, { capacity: 30 });
      } catch (error) {
        thrown = error;
      }
    });
    t.ok(thrown instanceof ShmTableError, `${call}: ${thrown}`);
    t.same(table.entry('row-7'), before, call);
    t.equal(table.capacity, 20);
    table.set('row-1', { n: 1 });
    t.equal(segmentsOf(name).length, 1, 'nothing is left');
    Table.alter(name, { capacity: 30 });
    t.same([table.size, table.capacity, table.verify().problems], [20, 30, []]);
    table.close();
  }
});

testPosix('a table has its name as soon as the system allows it', async (t) => {
  const name = scratchName(t);
  const table = Table.create({ name, capacity: 20, columns: { n: 'int32' } });
  table.set('k', { n: 1 });
  t.ok(refusing({ rename: 'EACCES' }, () => Table.alter(name, { capacity: 30 })).altered);
  t.same([table.get('k', 'n'), table.capacity], [1, 30]);
  const other = Table.open(name);
  t.equal(other.capacity, 30);
  other.close();
  table.close();
  t.equal(segmentsOf(name).length, 1);
});

testPosix('a large alteration that no segment can hold leaves the table as it was', async (t) => {
  const name = scratchName(t);
  const table = Table.create({ name, capacity: 20, columns: { n: 'int32' } });
  table.set('k', { n: 1 });
  t.throws(() => Table.alter(name, { capacity: 2 ** 31 - 1 }), { code: /ERR_SEGMENT_TOO_LARGE|ERR_SEGMENT_NO_SPACE/ });
  table.set('k', { n: 2 });
  t.same([table.get('k', 'n'), table.capacity], [2, 20]);
  table.close();
});
