/** The test runner reports on a stuck test, and removes what it leaves behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { Table } from '../../src/index.js';
import { eventually } from '../fixtures/deadline.js';

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const runner = spawn(
    process.execPath,
    ['scripts/run-tests.js', '--jobs', '1', ...args, `dist/test/fixtures/${file}`],
    {
      env: { ...process.env, ...env },
    },
  );
  return { runner, over: Promise.all([text(runner.stdout), once(runner, 'exit')]) };
}

t.test('a test over its time limit is killed and its processes are printed', async (t) => {
  const [output, [code]] = await run('waiting-test.js', ['--time-limit', '2']).over;
  t.equal(code, 1);
  t.match(output, /killed after 2000 ms/);
  t.match(output, /process \d+: .*waiting-test\.js/);
});

t.test('SIGTERM to the runner kills the running test; its subtest, stacks and segments are printed', async (t) => {
  const neighbour = Table.create({ name: `neighbour-${process.pid}`, capacity: 10, columns: { n: 'int32' } });
  t.teardown(() => neighbour.destroy());
  const stuck = join(t.testdir(), 'stuck');
  const { runner, over } = run('stuck-test.js', [], { SHMTABLE_STUCK: stuck });
  await eventually('both processes are stuck', () => existsSync(stuck), 60_000);
  runner.kill('SIGTERM');
  const [output, [code]] = await over;

  t.equal(code, 1);
  t.match(output, /killed on SIGTERM in "loops"/);
  t.match(output, /R \(running\).*\n.*at loopForever \(.*stuck-test/, 'the stack of the endless loop');
  t.match(output, /stuck-test\.js sleeper\n.*[RS] \(\w+\), waits in .*\n +[#(a]/, 'the stack of a waiting process');
  const removed = [...output.matchAll(/removed (.*)/g)].map(([, path]) => path);
  t.strictSame(
    removed.map((path) => basename(path).replace(/\d+/, 'PID')).sort(),
    ['shmtable-stuck-PID', 'shmtable:stuck-PID:table'],
    'only what its processes created',
  );
  t.notOk(removed.some((path) => existsSync(path)));
});
