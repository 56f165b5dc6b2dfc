/** Processes that are stopped in the middle of an alteration, or of a write while others alter the table. */
import t, { type Test } from 'tap';
import { Table } from '../../../src/index.js';
import { FROZEN, STATE } from '../../../src/table/layout/segment.js';
import { testBackend } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { openMemory, scratchName, segmentsOf } from '../scratch-table.js';
import { stopAt } from '../stopped-child.js';

const columns = { n: 'int32' } as const;
const TIMEOUT_MS = 80;
/** Of the stores of a write, one in so many is a place to stop. */
const STEP = tries(6, 1);

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

function createTable(t: Test): Table<typeof columns> {
  const table = Table.create({ name: scratchName(t), capacity: 50, columns, lockTimeoutMs: TIMEOUT_MS });
  t.teardown(() => table.close());
  for (let i = 0; i < 20; i++) table.set(`row-${i}`, { n: i });
  return table;
}

function isFrozen(name: string): boolean {
  const memory = openMemory(name);
  const state = new Int32Array(memory.buffer)[STATE];
  memory.close();
  return state === FROZEN;
}

t.test('writers do not wait for a stopped alterer longer than for a lock, and go on when it does', async (t) => {
  if (testBackend !== 'posix') return;
  let frozen = 0;
  for (let store = 0; ; store++) {
    const table = createTable(t);
    const alterer = await stopAt(t, table.name, 'alter', '', store);
    if (alterer === undefined) break;
    const wasFrozen = isFrozen(table.name);
    if (wasFrozen) {
      frozen++;
      t.throws(() => table.set('late', { n: 1 }), { code: 'ERR_LOCK_TIMEOUT', message: /being altered by process/ });
    } else {
      table.set('late', { n: 1 });
    }
    for (let i = 0; i < 20; i++) if (table.get(`row-${i}`, 'n') !== i) t.fail(`row-${i}`);
    t.equal(table.size, wasFrozen ? 20 : 21);
    alterer.process.kill('SIGCONT');
    t.equal(await alterer.ended, 0);
    table.set('late', { n: 2 });
    t.equal(table.get('late', 'n'), 2);
    t.same([table.size, table.capacity, table.verify().problems], [21, 51, []]);
  }
  t.ok(frozen > 0, `stopped in a frozen table ${frozen} times`);
});

t.test(
  'a writer that is stopped anywhere in a write loses nothing, and an alteration does not wait for it',
  async (t) => {
    if (testBackend !== 'posix') return;
    const outcomes = { altered: 0, refused: 0 };
    for (let store = 0; ; store += STEP) {
      const table = createTable(t);
      const writer = await stopAt(t, table.name, 'set', 'row-3', store);
      if (writer === undefined) break;
      const code = codeOf(() => Table.alter(table.name, { capacity: 70, lockTimeoutMs: TIMEOUT_MS }));
      if (code !== undefined) t.equal(code, 'ERR_LOCK_TIMEOUT');
      outcomes[code === undefined ? 'altered' : 'refused']++;
      t.equal(table.capacity, code === undefined ? 70 : 50);
      t.equal(table.size, 20);
      t.same([isFrozen(table.name), segmentsOf(table.name).length], [false, 1]);
      writer.process.kill('SIGCONT');
      t.equal(await writer.ended, 0);
      t.equal(table.get('row-3', 'n'), 1, `stopped before store ${store}`);
      Table.alter(table.name, { capacity: 90 });
      t.same([table.size, table.capacity, table.get('row-3', 'n'), table.verify().problems], [20, 90, 1, []]);
    }
    t.ok(outcomes.altered > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
  },
);

for (const evict of ['none', 'lru'] as const) {
  t.test(
    `${evict}: a long value that finds the heap full while the table is altered is stored after that`,
    async (t) => {
      if (testBackend !== 'posix') return;
      for (let store = 20; store < 150; store += 5 * STEP) {
        const heap = { bytes: 100 * 64, blockBytes: 64 };
        const table = Table.create({
          name: scratchName(t),
          capacity: 200,
          columns: { n: 'int32', text: 'text(8)' },
          heap,
          evict,
        });
        t.teardown(() => table.close());
        table.set('old', { text: 'y'.repeat(30 * 64) });
        const writer = await stopAt(t, table.name, 'large', 'new', store);
        // Until there are too few blocks for what the writer has begun.
        const impatient = Table.open(table.name, { lockTimeoutMs: 0, columns: table.columns });
        for (let i = 0; i < 50; i++) codeOf(() => impatient.set(`row-${i}`, { text: 'y'.repeat(64) }));
        impatient.close();
        Table.alter(table.name, { heap: { ...heap, bytes: 4 * heap.bytes } });
        writer?.process.kill('SIGCONT');
        t.equal(await writer?.ended, 0);
        t.ok(table.get('new', 'text') === 'x'.repeat(50 * 64), `stopped before store ${store}`);
        t.same(table.verify().problems, []);
      }
    },
  );
}
