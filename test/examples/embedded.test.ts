/** The example prints what its comments say, and is the one in the README. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Table } from '../../src/index.js';
import { namespace, outputOf } from './example-program.js';

const source = readFileSync(fileURLToPath(new URL('../../../examples/embedded.ts', import.meta.url)), 'utf8');
const readme = readFileSync(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8');

t.teardown(() => Table.destroy('cities', { namespace }));

t.test('it prints what its comments say, even if the rows already exist', async (t) => {
  const expected = '8175134\n5128581 New York City\n';
  t.equal(await outputOf('embedded'), expected);
  t.equal(await outputOf('embedded'), expected);
  const comments = [...source.matchAll(/^.*console\.log.*\/\/ ([^,\n]*)/gm)].map(([, comment]) => comment);
  t.same(comments, expected.trimEnd().split('\n'));
});

t.test('the README contains it', async (t) => {
  t.equal(/```ts\n(.*?)```/s.exec(readme)?.[1], source);
});
