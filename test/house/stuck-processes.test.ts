/** What the test runner reports about a stuck test, and what it removes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { Table } from '../../src/index.js';

t.test('a test over its time limit is killed; its subtest, stacks and segments are printed', async (t) => {
  const neighbour = Table.create({ name: `neighbour-${process.pid}`, capacity: 10, columns: { n: 'int32' } });
  t.teardown(() => neighbour.destroy());
  const runner = spawn(process.execPath, [
    'scripts/run-tests.js',
    ...['--time-limit', '8', '--jobs', '1', 'dist/test/fixtures/standing-test.js'],
  ]);
  const [output, [code]] = await Promise.all([text(runner.stdout), once(runner, 'exit')]);

  t.equal(code, 1);
  t.match(output, /killed after 8000 ms in "stands"/);
  t.match(output, /R \(running\).*\n.*at runInACircle \(.*standing-test/, 'the stack of the endless loop');
  t.match(
    output,
    /standing-test\.js sleeper\n.*S \(sleeping\), waits in .*\n +[#(a]/,
    'the stack of a sleeping process',
  );
  const removed = [...output.matchAll(/removed (.*)/g)].map(([, path]) => path);
  t.strictSame(
    removed.map((path) => basename(path).replace(/\d+/, 'PID')).sort(),
    ['shmtable-standing-PID', 'shmtable:standing-PID:table'],
    'only what its processes created',
  );
  t.notOk(removed.some((path) => existsSync(path)));
});
