/** Writes of long values that are interrupted in ways that skip or exhaust `finally` blocks. */
import t, { type Test } from 'tap';
import type { Row, Table } from '../../src/index.js';
import { StoppedScript } from '../fixtures/stopped-script.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable } from './scratch-table.js';

const columns = { seed: 'int32', text: 'text(8)', blob: 'blob(8)', state: 'json(8)' } as const;
type Subject = Table<typeof columns>;
const options = { capacity: 100, columns, heap: { bytes: 200_000, blockBytes: 64 } };

/** A row that its seed determines. */
function rowOf(seed: number): Row<typeof columns> {
  return {
    seed,
    text: String.fromCharCode(97 + (seed % 26)).repeat((seed * 37) % 700),
    blob: new Uint8Array((seed * 53) % 500).fill(seed),
    state: ['é'.repeat((seed * 11) % 200)],
  };
}

const rows = Array.from({ length: 64 }, (_, seed) => rowOf(seed));

/** Rows are intact, and after the next write every block belongs to a row. */
function checkSound(t: Test, table: Subject): void {
  table.set('other', rows[3]);
  for (const [key, row] of table) {
    const { text, blob, state } = rows[row.seed];
    const isWhole =
      row.text === text && Buffer.compare(row.blob, blob) === 0 && JSON.stringify(row.state) === JSON.stringify(state);
    if (!isWhole) t.fail('torn', { key, row });
  }
  const { problems } = table.verify();
  if (problems.length > 0) t.fail('unsound', { problems });
  const inFlight = table.stats().heap?.inFlight;
  if (inFlight !== 0) t.fail('blocks are lost', { inFlight });
}

const writes: Record<string, (table: Subject, key: string, seed: number) => unknown> = {
  set: (table, key, seed) => table.set(key, rows[seed]),
  put: (table, key, seed) => table.put(key, rows[seed]),
  take: (table, key) => table.take(key),
  clear: (table) => table.clear(),
  compareAndSet: (table, key, seed) => table.compareAndSet(key, { seed: table.get(key)?.seed ?? 0 }, rows[seed]),
};

for (const [name, write] of Object.entries(writes)) {
  t.test(`a stack overflow inside ${name}, at any depth, loses no block and tears no value`, async (t) => {
    const table = scratchTable(t, options);
    const keys = oneBucketKeys(table, 24);
    for (const [i, key] of keys.entries()) if (i % 2 === 0) table.set(key, rows[i]);
    let overflows = 0;
    let next = 0;
    // Each level on the way up writes again, with a little more stack left each time.
    const descend = (room: number): void => {
      const i = next++;
      try {
        descend(room + 1);
      } catch (error) {
        if (!(error instanceof Error) || error.message === 'enough') throw error;
        if (++overflows > 300) throw new Error('enough');
        write(table, keys[i % keys.length], (i * 7) % rows.length);
      }
    };
    for (let shift = 0; shift < 12; shift++) {
      overflows = 0;
      // The frame sizes on the way down determine where exactly the stack ends: shift it a little each time.
      const names = Array.from({ length: shift }, (_, i) => `a${i}`);
      const frame = new Function('run', `${names.map((a) => `let ${a} = run;`).join('')} run(0); return [${names}];`);
      try {
        frame(descend);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
      checkSound(t, table);
    }
    t.ok(overflows > 10);
  });
}

t.test('a vm script that is stopped inside a loop of writes loses no block and tears no value', async (t) => {
  const table = scratchTable(t, options);
  const keys = oneBucketKeys(table, 24);
  const stopped = new StoppedScript((i) => {
    const key = keys[i % keys.length];
    if (i % 4 === 0) table.update(key, { text: table.get(key, 'text') ?? '' });
    table.set(key, rows[(i * 5) % rows.length]);
    if (i % 3 === 0) table.delete(keys[(i * 7) % keys.length]);
    if (i % 5 === 0) table.put(key, rows[i % rows.length]);
    if (i % 11 === 0 && table.has(key)) table.increment(key, 'seed', 0, { ttl: 1e9 });
  });
  for (let i = 0; i < 60; i++) {
    if (!stopped.run(1 + (i % 4))) t.fail('a script was not stopped by its timeout');
    checkSound(t, table);
  }
  t.pass('60 times');
});
