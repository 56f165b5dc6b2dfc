/** The programs in the guide are exactly the examples, and its other code does what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace } from './example-program.js';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');
const blocks = [...read('docs/guide.md').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);

for (const example of ['page-cache', 'sessions', 'rate-limiter', 'leader-lease', 'change-dashboard']) {
  t.test(`the guide contains ${example}`, async (t) => {
    t.ok(blocks.includes(read(`examples/${example}.ts`)), `docs/guide.md contains examples/${example}.ts unchanged`);
  });
}

t.test('the counter, the snapshot and the restore in the guide work', async (t) => {
  const visits = Table.openOrCreate({ name: 'visits', namespace, capacity: 1000, columns: { hits: 'int64' } });
  t.equal(visits.increment('/', 'hits'), 1n);
  const path = join(t.testdir(), 'visits.snapshot');
  await visits.snapshot(path);
  visits.destroy();
  const again = await Table.restore(path, { namespace });
  t.same([...again], [['/', { hits: 1n }]]);
  again.destroy();
});
