import { readFileSync } from 'node:fs';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { openFiles, scratchName } from './scratch-segment.js';

const backend = 'devzero';

/** This process's mappings of /dev/zero: permissions and size in KiB. */
function mappings(): string[] {
  return readFileSync('/proc/self/maps', 'latin1')
    .split('\n')
    .filter((line) => line.includes('/dev/zero'));
}

t.test('a devzero segment is a shared mapping of /dev/zero, reserved at creation', async (t) => {
  const before = openFiles();
  const segment = Segment.create({ backend, name: scratchName(), size: 100_001 });
  t.equal(mappings().length, 1);
  t.match(mappings()[0], / rw-s /);
  t.equal(segment.size, 100_001);
  t.ok(new Uint8Array(segment.buffer).every((byte) => byte === 0));
  new Uint8Array(segment.buffer)[100_000] = 7;
  segment.sync();
  segment.protect('read');
  t.match(mappings()[0], / r--s /);
  segment.protect('readwrite');
  segment.close();
  segment.close();
  t.same(mappings(), []);
  t.same(openFiles(), before);
});

t.test('only its creator has it', async (t) => {
  const name = scratchName();
  const segment = Segment.create({ backend, name, size: 64 });
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND', message: /handle that created it/ });
  const other = Segment.create({ backend, name, size: 64 });
  new Uint8Array(segment.buffer)[0] = 1;
  t.equal(new Uint8Array(other.buffer)[0], 0, 'another segment of the same name');
  other.close();
  const listed = () => Segment.list().filter((info) => info.name === name);
  t.match(listed(), [{ backend, bytes: 64, attached: 1, location: '/dev/zero' }]);
  t.equal(segment.unlink(), true);
  t.equal(segment.unlink(), false);
  t.same(listed(), []);
  t.equal(new Uint8Array(segment.buffer)[0], 1);
  segment.close();
});

t.test('it cannot grow or be too large', async (t) => {
  const segment = Segment.create({ backend, name: scratchName(), size: 64 });
  t.throws(() => segment.grow(128), { code: 'ERR_BACKEND_UNSUPPORTED', message: /cannot grow/ });
  segment.close();
  t.throws(() => Segment.create({ backend, name: 'a', size: 2 ** 52 }), { code: /ERR_SEGMENT_(TOO_LARGE|NO_SPACE)/ });
});

t.test('it has byte locks', async (t) => {
  const segment = Segment.create({ backend, name: scratchName(), size: 64 });
  const [first, second] = [segment.openByteLocks(), segment.openByteLocks()];
  t.ok(first.tryLock(1));
  t.ok(second.isLocked(1));
  t.notOk(second.tryLock(1));
  first.close();
  t.ok(second.tryLock(1));
  second.close();
  segment.close();
});

t.test('an initialise that throws leaves nothing behind', async (t) => {
  const fails = () =>
    Segment.create({ backend, name: scratchName(), size: 64 }, () => {
      throw new Error('no');
    });
  t.throws(fails, { message: 'no' });
  t.same(mappings(), []);
});
