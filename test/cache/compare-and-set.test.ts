/** Check and write in one step: nothing is lost between processes, nor to one that is killed in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Child } from '../table/child.js';
import { scratchTable } from '../table/scratch-table.js';

const columns = { modified: 'int32', revised: 'int32', compared: 'int32', killed: 'int32' } as const;

for (const [how, column, times] of [
  ['modify', 'modified', 50_000],
  ['revision', 'revised', 10_000],
  ['columns', 'compared', 10_000],
] as const) {
  t.test(`4 processes count to ${4 * times} by ${how}, beside others that are killed`, async (t) => {
    const table = scratchTable(t, { capacity: 4, columns, lockTimeoutMs: 10_000 });
    table.set('k', {});
    const counters = [1, 2, 3, 4].map(() => Child.start(t, 'cache-counter', table.name, 'k', how, times));
    const victims = [1, 2, 3].map(() => Child.start(t, 'cache-counter', table.name, 'k', 'killed', 0));
    for (const child of [...counters, ...victims]) await child.next();
    for (const counter of counters) counter.go();
    for (const victim of victims) {
      victim.go();
      await sleep(5 + Math.random() * 20);
      victim.process.kill('SIGKILL');
    }
    for (const counter of counters) t.equal(await counter.ended, 0);
    t.equal(table.get('k', column), 4 * times);
    const { revision } = table.entry('k') ?? {};
    t.type(revision, 'number');
    t.comment(`those killed had counted to ${table.get('k', 'killed')}`);
    t.same(table.verify(), { ok: true, problems: [] });
  });
}

t.test('of several processes one takes, and one deletes by revision', async (t) => {
  const table = scratchTable(t, { capacity: 4, columns });
  table.set('k', { modified: 7 });
  const revision = table.entry('k')?.revision ?? 0;
  t.equal(table.compareAndDelete('k', { revision: revision + 1 }), false);
  t.equal(table.compareAndDelete('k', { modified: 7, killed: 0 }), true);
  t.equal(table.take('k'), undefined);
  table.set('k', { modified: 8 });
  t.equal(table.compareAndDelete('k', { revision }), false, 'another row of the same name');
  t.equal(table.compareAndSet('k', { revision }, { modified: 9 }), false);
  t.match(table.take('k'), { modified: 8 });
  t.equal(table.size, 0);
});
