import t from 'tap';
import { eventually } from '../fixtures/deadline.js';
import { Child } from './child.js';
import { oneBucketKeys } from './one-bucket-keys.js';
import { scratchTable, testOfProcesses } from './scratch-table.js';

const columns = { n: 'int32', text: 'string(20)' } as const;

t.test('iterators behave like those of a Map', async (t) => {
  const table = scratchTable(t, { capacity: 50, columns });
  const model = new Map(Array.from({ length: 50 }, (_, n) => [`k${n}`, { n, text: `t${n}` }] as const));
  for (const [key, row] of model) table.set(key, row);
  t.same(new Map(table), model);
  t.same(new Map(table.entries()), model);
  t.same(new Set(table.keys()), new Set(model.keys()));
  t.same(
    [...table.values()].map(({ n }) => n).sort((a, b) => a - b),
    [...model.values()].map(({ n }) => n),
  );
  const told: [string, unknown][] = [];
  t.equal(
    table.forEach((row, key, whole) => {
      t.equal(whole, table);
      told.push([key, row]);
    }),
    undefined,
  );
  t.same(new Map(told), model);
  t.equal(told.length, 50);
  const iterator = table.keys();
  t.equal(iterator[Symbol.iterator](), iterator);
  t.same([...scratchTable(t, { capacity: 5, columns })], []);
});

t.test('several iterators may run at once', async (t) => {
  const table = scratchTable(t, { capacity: 30, columns });
  for (let n = 0; n < 30; n++) table.set(`k${n}`, { n });
  let pairs = 0;
  for (const a of table.keys()) for (const [b, row] of table) if (`${a}${b}`.length > 0 && row.n >= 0) pairs++;
  t.equal(pairs, 900);
  const [first, second] = [table.keys(), table.keys()];
  const met: string[][] = [[], []];
  for (let i = 0; i < 30; i++) {
    met[0].push(first.next().value);
    met[1].push(second.next().value);
  }
  t.same(met[0], met[1]);
  t.equal(first.next().done, true);
});

t.test('deleting each row inside the loop leaves 0 of 10,000', async (t) => {
  const table = scratchTable(t, { capacity: 10_000, columns });
  for (const [what, loop] of Object.entries({
    keys: () => {
      for (const key of table.keys()) table.delete(key);
    },
    entries: () => {
      for (const [key] of table) table.delete(key);
    },
    forEach: () => table.forEach((_row, key) => void table.delete(key)),
    scan: () => {
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = table.scan({ cursor, limit: 7 });
        for (const { key } of page.entries) table.delete(key);
        cursor = page.cursor;
      }
    },
  })) {
    for (let n = 0; n < 10_000; n++) table.set(`k${n}`, { n });
    loop();
    t.equal(table.size, 0, what);
    t.same([...table.keys()], []);
  }
  t.same(table.verify(), { ok: true, problems: [] });
});

t.test('rows may be added and changed inside the loop', async (t) => {
  const table = scratchTable(t, { capacity: 2_000, columns });
  for (let n = 0; n < 500; n++) table.set(`k${n}`, { n });
  const met = new Map<string, number>();
  let added = 0;
  for (const [key] of table) {
    met.set(key, (met.get(key) ?? 0) + 1);
    table.increment(key, 'n');
    if (added < 1_000) table.set(`added-${added++}`, { n: 1 });
  }
  for (let n = 0; n < 500; n++) if (met.get(`k${n}`) !== 1) t.fail(`k${n} was visited ${met.get(`k${n}`)} times`);
  for (const [key, times] of met) if (times !== 1) t.fail(`${key} was visited ${times} times`);
});

t.test('an iterator of a closed table throws', async (t) => {
  const table = scratchTable(t, { capacity: 100, columns });
  for (let n = 0; n < 100; n++) table.set(`k${n}`, { n });
  const iterators = [table.keys(), table.values(), table.entries()];
  for (const iterator of iterators) iterator.next();
  table.close();
  for (const iterator of iterators) t.throws(() => [...iterator], { code: 'ERR_TABLE_CLOSED' });
  t.throws(() => [...table.keys()], { code: 'ERR_TABLE_CLOSED' });
});

for (const dense of [false, true]) {
  const what = dense ? 'in one long chain' : 'in separate chains';
  testOfProcesses(
    `300 iterations visit every remaining row once while a process inserts and deletes, ${what}`,
    async (t) => {
      const table = scratchTable(t, { capacity: 3_000, columns });
      const count = dense ? 300 : 2_500;
      const keys = dense ? oneBucketKeys(table, count) : Array.from({ length: count }, (_, i) => `k${i}`);
      const staying = keys.filter((_, i) => i % 2 === 0);
      const coming = keys.filter((_, i) => i % 2 === 1);
      // Removals fill their gaps with the chain's last row: the remaining rows move most if they are last.
      for (const key of coming) table.set(key, { n: 1 });
      for (const key of staying) table.set(key, { n: 2, text: key });
      const child = Child.start(t, 'table-churner', table.name, ...coming);
      await child.next();
      await eventually('the other process deletes rows', () => table.stats().deletes > 100);

      const scanAll = (): string[] => {
        const found: string[] = [];
        for (let cursor: string | null | undefined; cursor !== null; ) {
          const page = table.scan({ cursor, limit: 37 });
          found.push(...page.entries.map(({ key }) => key));
          cursor = page.cursor;
        }
        return found;
      };
      const ways = [() => [...table.keys()], () => [...table].map(([key]) => key), scanAll];
      const wrong: unknown[] = [];
      for (let i = 0; i < 300; i++) {
        const met = new Map<string, number>();
        for (const key of ways[i % 3]()) met.set(key, (met.get(key) ?? 0) + 1);
        for (const key of staying) if (met.get(key) !== 1) wrong.push({ i, key, times: met.get(key) ?? 0 });
      }
      t.same(wrong.slice(0, 5), [], 'every remaining row is visited exactly once, in all 300 iterations');
      child.process.kill('SIGKILL');
      await child.ended;
      t.same(table.verify(), { ok: true, problems: [] });
      const { inserts, deletes } = table.stats();
      t.ok(deletes > 100, `${inserts} inserts and ${deletes} deletes meanwhile`);
    },
  );
}
