import '../fixtures/in-own-shm.js';
import '../fixtures/under-refused-calls.js';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Segment } from '../../src/memory/index.js';
import { needsTwoUsers } from '../fixtures/other-user.js';
import { useNoShm, useSmallShm } from '../fixtures/own-shm.js';
import { refusalsText } from '../fixtures/refused-calls.js';
import { Agent } from './agent.js';
import { openFiles, removeAtEnd, scratchName, scratchSegment } from './scratch-segment.js';

const SHM = '/dev/shm';

/** A path in /dev/shm for a file that is not a segment; it is removed when the test ends. */
function foreignPath(t: Test, name: string): string {
  const path = join(SHM, name);
  t.teardown(() => rmSync(path, { force: true, recursive: true }));
  return path;
}

t.test('an object with the name that is not a file is rejected', async (t) => {
  const made: Record<string, (path: string) => void> = {
    'a folder': (path) => mkdirSync(path),
    'a pipe': (path) => execFileSync('mkfifo', [path]),
    'a symbolic link': (path) => symlinkSync('/etc/passwd', path),
  };
  for (const [kind, make] of Object.entries(made)) {
    const name = scratchName();
    make(foreignPath(t, name));
    const before = openFiles();
    const expected = { code: 'ERR_SEGMENT_NOT_FOUND', message: `/dev/shm/${name} is ${kind}, not a posix segment` };
    t.throws(() => Segment.open({ name }), expected, kind);
    t.throws(() => Segment.open({ name, readOnly: true }), expected, `${kind}, read-only`);
    t.throws(() => Segment.create({ name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' }, kind);
    t.same(openFiles(), before);
  }
});

t.test('a file of any size is mapped completely, after its holes have been filled', async (t) => {
  const name = scratchName();
  const path = foreignPath(t, name);
  const file = openSync(path, 'w');
  ftruncateSync(file, 1_000_001);
  closeSync(file);
  t.equal(statSync(path).blocks, 0);
  const reader = Segment.open({ name, readOnly: true });
  t.equal(reader.size, 1_000_001);
  t.equal(new Uint8Array(reader.buffer)[1_000_000], 0);
  t.ok(statSync(path).blocks * 512 >= 1_000_001);
  reader.close();
});

t.test('a segment without permission to read it is refused', { skip: needsTwoUsers }, async (t) => {
  const segment = scratchSegment(t);
  const { agent } = Agent.process(t);
  await agent.call('becomeNobody');
  const expected = { code: 'ERR_PERMISSION', message: new RegExp(`"${segment.name}".*EACCES`) };
  await t.rejects(agent.call('open', 'posix', segment.name), expected);
  await t.rejects(agent.call('openReadOnly', 'posix', segment.name), expected);
});

t.test('creation fails if /dev/shm has no space', async (t) => {
  useSmallShm(t, 1024);
  const name = scratchName();
  const before = openFiles();
  t.throws(() => Segment.create({ name, size: 2 << 20 }), {
    code: 'ERR_SEGMENT_NO_SPACE',
    message: new RegExp(`posix segment "${name}" of 2097152 bytes .* ${SHM} has 1048576 free.*--shm-size`),
  });
  t.same(readdirSync(SHM), []);
  t.same(openFiles(), before);

  const half = Segment.create({ name, size: 512 << 10 });
  new Uint8Array(half.buffer).fill(1);
  t.throws(() => half.grow(2 << 20), { code: 'ERR_SEGMENT_NO_SPACE', message: /needs 1572864 more/ });
  t.equal(half.size, 512 << 10);
  t.ok(new Uint8Array(half.buffer).every((byte) => byte === 1));
  t.throws(() => Segment.create({ name: scratchName(), size: 1 << 20 }), { code: 'ERR_SEGMENT_NO_SPACE' });
  half.grow(1 << 20);
  new Uint8Array(half.buffer).fill(2);
  t.equal(statfsSync(SHM).bfree, 0, 'every byte was reserved');

  const sparse = openSync(join(SHM, 'sparse'), 'w');
  ftruncateSync(sparse, 1 << 20);
  closeSync(sparse);
  t.throws(() => Segment.open({ name: 'sparse' }), { code: 'ERR_SEGMENT_NO_SPACE' }, 'instead of SIGBUS');
  t.throws(() => Segment.open({ name: 'sparse', readOnly: true }), { code: 'ERR_SEGMENT_NO_SPACE' });
  half.unlink();
  half.close();
});

t.test('without /dev/shm creation fails and nothing is found', async (t) => {
  useNoShm(t);
  const expected = { code: 'ERR_BACKEND_UNSUPPORTED', message: /\/dev\/shm is missing/ };
  t.throws(() => Segment.create({ name: 'a', size: 64 }), expected);
  t.throws(() => Segment.open({ name: 'a' }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  // Without it, only files of other tests can be seen.
  t.same(
    Segment.list().filter(({ backend }) => backend !== 'file'),
    [],
  );
});

t.test('it can be created on file systems without O_TMPFILE', async (t) => {
  const temporaries = () => readdirSync(SHM).filter((name) => name.startsWith('.shmtable-temporary-'));
  const withoutTmpfile = { REFUSED_CALLS: refusalsText({ tmpfile: 'ENOTSUP' }) };
  Object.assign(process.env, withoutTmpfile);
  t.teardown(() => {
    delete process.env.REFUSED_CALLS;
  });

  t.test('a segment gets its name only when it is complete', async (t) => {
    const name = scratchName();
    removeAtEnd(t, 'posix', name);
    const umask = process.umask(0);
    const segment = Segment.create({ name, size: 4096 }, (fresh) => {
      t.equal(temporaries().length, 1);
      t.throws(() => Segment.open({ name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
      t.notOk(Segment.list().some((info) => info.name.includes('temporary')));
      new Uint8Array(fresh.buffer).fill(5);
    });
    process.umask(umask);
    t.equal(statSync(join(SHM, name)).mode & 0o7777, 0o600);
    t.equal(statSync(join(SHM, name)).nlink, 1);
    t.same(temporaries(), []);
    const opened = Segment.open({ name });
    t.ok(new Uint8Array(opened.buffer).every((byte) => byte === 5));
    opened.close();
    const lost = () =>
      Segment.create({ name: `${name}-b`, size: 64 }, () => {
        removeAtEnd(t, 'posix', `${name}-b`);
        Segment.create({ name: `${name}-b`, size: 128 }).close();
      });
    t.throws(lost, { code: 'ERR_SEGMENT_EXISTS' });
    t.same(temporaries(), []);
    segment.unlink();
    segment.close();
  });

  t.test('an initialise that throws leaves no temporary file', async (t) => {
    const fails = () =>
      Segment.create({ name: scratchName(), size: 64 }, () => {
        throw new Error('no');
      });
    t.throws(fails, { message: 'no' });
    t.same(temporaries(), []);
  });

  t.test('the next creator removes the temporary file of a killed one, and nothing else', async (t) => {
    const { agent, child } = Agent.process(t, withoutTmpfile);
    const name = scratchName();
    // It kills itself inside initialise, while the temporary file exists.
    await t.rejects(agent.call('createAndDie', 'posix', name), { message: 'the agent ended with SIGKILL' });
    t.equal(child.signalCode, 'SIGKILL');
    const [left] = temporaries();
    t.ok(left);
    const segment = Segment.create({ name, size: 64 }, () => {
      t.notOk(temporaries().includes(left));
      const [own] = temporaries();
      scratchSegment(t);
      t.ok(temporaries().includes(own), 'that of a live creator remains');
    });
    segment.unlink();
    segment.close();
    t.same(temporaries(), []);
  });

  t.test('of eight processes that create one name, one succeeds', async (t) => {
    const agents = Array.from({ length: 8 }, () => Agent.process(t, withoutTmpfile).agent);
    for (let round = 0; round < 10; round++) {
      const name = scratchName();
      removeAtEnd(t, 'posix', name);
      const results = await Promise.all(
        agents.map((agent, index) => agent.call('createOrOpen', 'posix', name, 1 << 16, index + 1)),
      );
      t.equal(results.filter(([made]) => made).length, 1, 'winners');
      t.equal(new Set(results.map(([, word]) => word)).size, 1, 'all see the segment that one of them created');
      t.notOk(
        results.some(([, word]) => word < 1),
        'none sees an incomplete segment',
      );
      await Promise.all(agents.map((agent) => agent.call('close')));
    }
    t.same(temporaries(), []);
  });
});
