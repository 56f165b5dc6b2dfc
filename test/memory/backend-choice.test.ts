import t, { type Test } from 'tap';
import { Segment } from '../../src/memory/index.js';
import { scratchName } from './scratch-segment.js';

/** Refuses these backends until the test ends. */
function refuse(t: Test, ...backends: string[]): void {
  process.env.SHMTABLE_TEST_REFUSED_BACKENDS = backends.join(',');
  t.teardown(() => {
    delete process.env.SHMTABLE_TEST_REFUSED_BACKENDS;
  });
}

for (const [refused, chosen] of [
  [[], 'anonymous'],
  [['anonymous'], 'devzero'],
  [['anonymous', 'devzero'], 'sysv'],
] as const) {
  t.test(`auto is ${chosen} without ${refused.join(' and ') || 'refusals'}`, async (t) => {
    refuse(t, ...refused);
    const name = scratchName();
    let runs = 0;
    const segment = Segment.create({ backend: 'auto', name, size: 64 }, () => runs++);
    t.equal(segment.backend, chosen);
    t.equal(runs, 1);
    if (chosen !== 'devzero') {
      const found = Segment.open({ backend: 'auto', name });
      t.equal(found.backend, chosen);
      found.close();
    }
    segment.unlink();
    segment.close();
    t.throws(() => Segment.open({ backend: 'auto', name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  });
}

t.test('the reason of each refusal', async (t) => {
  refuse(t, 'anonymous', 'devzero', 'sysv');
  t.throws(() => Segment.create({ backend: 'auto', name: 'a', size: 64 }), {
    code: 'ERR_BACKEND_UNSUPPORTED',
    message: /^This host supports none of the backends\. anonymous: .* devzero: .* sysv: /,
  });
});

t.test('what is wrong everywhere is not asked of the next one', async (t) => {
  t.throws(() => Segment.create({ backend: 'auto', name: '/', size: 64 }), { code: 'ERR_ARGUMENT' });
  t.throws(() => Segment.create({ backend: 'auto', name: 'a', size: 0 }), { code: 'ERR_ARGUMENT' });
  const segment = Segment.create({ backend: 'auto', name: scratchName(), size: 64 });
  t.throws(() => Segment.create({ backend: 'auto', name: segment.name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
  segment.unlink();
  segment.close();
});
