/** `npm run try FILE` runs a test from its source. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const cwd = fileURLToPath(new URL('../../..', import.meta.url));

t.test('a test and the programs that it starts run from source, and the exit code is passed on', async (t) => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'try', 'test/fixtures/tried-test.ts'], {
    cwd,
    encoding: 'utf8',
  });
  t.equal(status, 0, stdout + stderr);
  t.match(stdout, /# \{ total: \d+, pass: \d+ \}/);
});

t.test('anything but a source file is rejected', async (t) => {
  for (const args of [[], ['test/none.test.ts'], ['scripts/try.js']]) {
    const { status, stderr } = spawnSync('node', ['scripts/try.js', ...args], { cwd, encoding: 'utf8' });
    t.equal(status, 2);
    t.match(stderr, /^usage: npm run try FILE/);
  }
});
