/** A row whose values are longer as JSON than any string. */
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { commandIn } from '../fixtures/command-run.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

const MIB = 1024 * 1024;

t.test(
  'a row that is too long as JSON is an error with a code, and its other columns can be read',
  { timeout: 200_000 },
  async (t) => {
    const { send, namespace } = await startApp(t);
    const columns = { text: 'text', more: 'text', n: 'int32' } as const;
    using table = Table.create({
      name: 'huge',
      namespace,
      capacity: 4,
      columns,
      heap: { bytes: 100 * MIB, blockBytes: 4096 },
    });
    // A control character is six characters in JSON.
    table.set('k', { text: '\u0001'.repeat(48 * MIB), more: '\u0001'.repeat(48 * MIB), n: 5 });
    const path = '/v1/tables/huge/rows';
    isProblem(t, await send('GET', `${path}/k`), 413, 'ERR_ANSWER_TOO_LARGE', 'GET');
    t.match(await send('GET', `${path}/k?columns=n`), { status: 200, json: { row: { n: 5 } } });
    const run = commandIn(namespace);
    t.match(await run(['dump', 'huge']), { code: 1, stderr: /row "k" as JSON must have at most \d+ characters/ });
  },
);
