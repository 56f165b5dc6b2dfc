import '../fixtures/under-refused-calls.js';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { refusing } from '../fixtures/refused-calls.js';
import { scratchName } from './scratch-segment.js';

const NO_MEMFD = { memfd: 'ENOSYS' };
const NO_ZERO = { open: 'EACCES@/dev/zero' };

for (const [refused, chosen] of [
  [{}, 'anonymous'],
  // The byte locks of a devzero segment need memfd.
  [NO_MEMFD, 'sysv'],
  [{ ...NO_MEMFD, ...NO_ZERO }, 'sysv'],
] as const) {
  t.test(`auto is ${chosen} without ${Object.keys(refused).join(' and ') || 'refusals'}`, async (t) => {
    const name = scratchName();
    let runs = 0;
    const segment = refusing(refused, () => Segment.create({ backend: 'auto', name, size: 64 }, () => runs++));
    t.equal(segment.backend, chosen);
    t.equal(runs, 1);
    const found = Segment.open({ backend: 'auto', name });
    t.equal(found.backend, chosen);
    found.close();
    segment.unlink();
    segment.close();
    t.throws(() => Segment.open({ backend: 'auto', name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  });
}

t.test('if no backend works, the error has the reason of each', async (t) => {
  const attempt = () => Segment.create({ backend: 'auto', name: 'a', size: 64 });
  t.throws(() => refusing({ ...NO_MEMFD, ...NO_ZERO, shmget: 'ENOSYS' }, attempt), {
    code: 'ERR_BACKEND_UNSUPPORTED',
    message: /^this host supports none of the backends: anonymous: .*; devzero: .*; sysv: /,
  });
});

t.test('an error that every backend would return is thrown at once', async (t) => {
  t.throws(() => Segment.create({ backend: 'auto', name: '/', size: 64 }), { code: 'ERR_ARGUMENT' });
  t.throws(() => Segment.create({ backend: 'auto', name: 'a', size: 0 }), { code: 'ERR_ARGUMENT' });
  const segment = Segment.create({ backend: 'auto', name: scratchName(), size: 64 });
  t.throws(() => Segment.create({ backend: 'auto', name: segment.name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
  segment.unlink();
  segment.close();
});
