import t from 'tap';
import { Segment } from '../../src/pools/index.js';
import { outputOf } from './example-program.js';

t.teardown(() => {
  for (const { name } of Segment.list())
    if (/^(frames|strings|metrics)-/.test(name)) throw new Error(`${name} is left`);
});

t.test('frames arrive intact, and the buffers of dead workers are freed', async (t) => {
  t.equal(await outputOf('frame-buffers'), '300 frames, 0 torn, 0 slices lost\n');
});

t.test('a string has one offset in all processes', async (t) => {
  t.equal(await outputOf('interned-strings'), '14 words, 11 strings, the same in every process\n');
});

t.test('the sums include the counts of killed workers', async (t) => {
  const expected = [
    'requests_total{status="200"} 3000',
    'request_seconds_bucket{le="0.25"} 750',
    'request_seconds_bucket{le="0.5"} 1125',
    'request_seconds_bucket{le="1"} 1875',
    'request_seconds_bucket{le="+Inf"} 3000',
    'request_seconds_sum 2625',
    'request_seconds_count 3000',
  ];
  t.equal(await outputOf('shared-metrics'), `${expected.join('\n')}\n`);
});
