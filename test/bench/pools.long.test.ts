import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Segment } from '../../src/pools/index.js';

const program = fileURLToPath(new URL('../../bench/pools.js', import.meta.url));

t.test('a short run prints every pool and malloc, and leaves nothing behind', async (t) => {
  const text = execFileSync(process.execPath, [program, '--rounds', '1', '--operations', '1000'], { encoding: 'utf8' });
  const expected = [
    'FixedPool, ',
    'RingBuffer, ',
    'GlobalPool, ',
    'MetricRegistry, increment',
    'MetricRegistry, observe',
  ];
  for (const name of expected) t.match(text, new RegExp(`^${name}.* \\d+\\.\\d +\\d+\\.\\d`, 'm'));
  t.match(text, /^malloc \+ free.* (\d+\.\d +\d+\.\d|no g\+\+ here)/m);
  for (const slices of [10_000, 100_000, 1_000_000]) {
    t.match(text, new RegExp(`^${slices} +\\d+\\.\\d+ +\\d+\\.\\d+`, 'm'));
  }
  t.notOk(Segment.list().some(({ name }) => name.startsWith('bench-pool-')));
});
