/** Only memory that this user or root owns, and that no other user may write to, is used. */
import '../fixtures/in-own-shm.js';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type BackendName, Segment } from '../../src/memory/index.js';
import { actingAs, NOBODY, needsTwoUsers } from '../fixtures/other-user.js';
import { preloaded, refusalsText } from '../fixtures/refused-calls.js';
import { placeOf, type SegmentPlace } from '../fixtures/segment-place.js';
import { Agent } from './agent.js';
import { openFiles, scratchName } from './scratch-segment.js';

// A separate namespace, so that objects planted in it do not affect other tests.
const directory = '/dev/shm';

const skip = needsTwoUsers;
const refused = (message: RegExp) => ({ code: 'ERR_PERMISSION', message });

/** A closed segment of a backend, and the file that contains it or refers to it. */
function make(t: Test, backend: BackendName): { place: SegmentPlace; path: string } {
  const place = placeOf(backend, scratchName());
  const segment = Segment.create({ ...place, size: 4096 });
  new Int32Array(segment.buffer)[0] = 77;
  t.teardown(() => {
    chownAll(path, 0);
    chmodSync(path, 0o600);
    segment.unlink();
    segment.close();
  });
  const path = place.path ?? join(directory, readdirSync(directory).find((name) => name.endsWith(place.name)) ?? '');
  return { place, path };
}

function chownAll(path: string, user: number): void {
  chownSync(path, user, 0);
}

function refuses(t: Test, place: SegmentPlace, message: RegExp): void {
  const before = openFiles();
  t.throws(() => Segment.open({ ...place }), refused(message));
  t.throws(() => Segment.open({ ...place, readOnly: true }), refused(message), 'read-only');
  t.throws(() => Segment.create({ ...place, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
  t.same(openFiles(), before, 'no file stays open');
}

for (const backend of ['posix', 'file', 'sysv'] as const) {
  t.test(`${backend}: memory that others may write to is refused`, async (t) => {
    const { place, path } = make(t, backend);
    for (const mode of [0o666, 0o620, 0o602, 0o660, 0o622]) {
      chmodSync(path, mode);
      refuses(t, place, new RegExp(`must be writable by its owner only, got mode ${mode.toString(8)}`));
    }
    for (const mode of [0o600, 0o644, 0o640, 0o755]) {
      chmodSync(path, mode);
      Segment.open({ ...place }).close();
    }
  });

  t.test(`${backend}: memory of another user is refused`, { skip }, async (t) => {
    const { place, path } = make(t, backend);
    for (const mode of [0o600, 0o644, 0o666]) {
      chmodSync(path, mode);
      chownAll(path, NOBODY);
      refuses(t, place, /belongs to user .*65534.*; it must belong to .*0.* or root/);
      const info = Segment.list({ path: place.path }).find(({ name }) => name === place.name);
      t.ok(info, 'root can still list it');
    }
  });

  t.test(`${backend}: memory of root is read by another user if its mode allows that`, { skip }, async (t) => {
    const { place, path } = make(t, backend);
    t.throws(() => actingAs(NOBODY, () => Segment.open({ ...place, readOnly: true })), refused(/EACCES/));
    chmodSync(path, 0o644);
    t.throws(() => actingAs(NOBODY, () => Segment.open({ ...place })), refused(/EACCES/), 'to write');
    // The System V segment itself still has mode 600.
    if (backend === 'sysv') return;
    const segment = actingAs(NOBODY, () => Segment.open({ ...place, readOnly: true }));
    t.equal(new Int32Array(segment.buffer)[0], 77, 'readable, if its mode allows that');
    segment.close();
    chmodSync(path, 0o666);
    t.throws(() => actingAs(NOBODY, () => Segment.open({ ...place, readOnly: true })), refused(/mode 666/));
  });
}

t.test('sysv: a companion of this user that refers to a segment of another user is refused', { skip }, async (t) => {
  const name = scratchName();
  const { agent } = Agent.process(t);
  await agent.call('becomeNobody');
  await agent.call('create', 'sysv', name, 4096);
  const theirs = readdirSync(directory).find((file) => file.endsWith(name));
  const path = join(directory, String(theirs));
  chownSync(path, 0, 0);
  t.throws(() => Segment.open({ backend: 'sysv', name }), refused(/System V segment \d+ belongs to user/));
  t.throws(() => Segment.open({ backend: 'sysv', name, readOnly: true }), refused(/belongs to user/));
  chownSync(path, NOBODY, NOBODY);
  t.equal(await agent.call('unlink'), true);
});

t.test('anonymous: memory inherited from a parent of another user is refused', { skip }, async (t) => {
  const name = scratchName();
  const segment = Segment.create({ backend: 'anonymous', name, size: 64 });
  t.teardown(() => {
    segment.unlink();
    segment.close();
  });
  const number = descriptorOf(name);
  chownSync(`/proc/self/fd/${number}`, NOBODY, NOBODY);
  const { agent } = Agent.process(t);
  await t.rejects(agent.call('open', 'anonymous', name), refused(/anonymous segment .* belongs to user/));
  chownSync(`/proc/self/fd/${number}`, 0, 0);
});

/** The number of a descriptor of this process that names an anonymous segment. */
function descriptorOf(name: string): string | undefined {
  return readdirSync('/proc/self/fd').find((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`).includes(name);
    } catch {
      // The descriptor with which the folder was read.
      return false;
    }
  });
}

t.test('anonymous memory cannot be truncated, but can grow', async (t) => {
  const segment = Segment.create({ backend: 'anonymous', name: scratchName(), size: 8192 });
  const number = descriptorOf(segment.name);
  const truncated = spawnSync('truncate', ['-s', '0', `/proc/${process.pid}/fd/${number}`], { encoding: 'utf8' });
  t.match(truncated.stderr, /not permitted/);
  t.equal(segment.size, 8192);
  segment.grow(100_000);
  new Uint8Array(segment.buffer).fill(1);
  segment.unlink();
  segment.close();
});

t.test('an empty file of this user does not count as a segment, unless others may write to it', async (t) => {
  for (const backend of ['posix', 'file', 'sysv'] as const) {
    const { place, path } = make(t, backend);
    const emptyAs = (name: string) => {
      const at = path.replace(place.name, name);
      writeFileSync(at, '', { mode: 0o600 });
      t.teardown(() => rmSync(at, { force: true }));
      return at;
    };
    const name = scratchName();
    const empty = emptyAs(name);
    const there = { ...place, name, ...(backend === 'file' ? { path: empty } : {}) };
    t.throws(() => Segment.open(there), { code: 'ERR_SEGMENT_NOT_FOUND', message: /an empty file/ });
    const before = openFiles();
    const segment = Segment.create({ ...there, size: 64 });
    t.equal(segment.size, 64, `${backend}: an empty file of this user is replaced`);
    segment.unlink();
    segment.close();
    t.same(openFiles(), before);
    t.notOk(existsSync(empty));

    emptyAs(name);
    chmodSync(empty, 0o666);
    t.throws(() => Segment.open(there), refused(/mode 666/));
    t.throws(() => Segment.create({ ...there, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' }, 'others may write to it');
    t.ok(existsSync(empty));
    rmSync(empty);
  }
});

t.test('an empty file of another user is refused', { skip }, async (t) => {
  const name = scratchName();
  const path = join(directory, name);
  writeFileSync(path, '', { mode: 0o600 });
  chownSync(path, NOBODY, NOBODY);
  t.throws(() => Segment.open({ name }), refused(/belongs to user/));
  t.throws(() => Segment.create({ name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
  t.equal(statSync(path).uid, NOBODY);
});

t.test('of eight processes that replace an empty file, one creates the segment', async (t) => {
  const agents = Array.from({ length: 8 }, () => Agent.process(t).agent);
  for (let round = 0; round < 15; round++) {
    const name = scratchName();
    writeFileSync(join(directory, name), '', { mode: 0o600 });
    const results = await Promise.allSettled(
      agents.map((agent, index) => agent.call('createOrOpen', 'posix', name, 1 << 14, index + 1)),
    );
    const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    t.equal(done.length, 8, 'nobody fails');
    t.equal(done.filter(([made]) => made).length, 1, 'one process creates it, and none replaces it');
    t.equal(new Set(done.map(([, word]) => word)).size, 1);
    t.ok(done.every(([, word]) => word > 0));
    await Promise.all(agents.map((agent) => agent.call('close')));
    rmSync(join(directory, name));
  }
});

t.test('temporary files of another user are left alone', { skip }, async (t) => {
  // A live segment of root, to which the planted record refers as its own unfinished one.
  const { place, path } = make(t, 'sysv');
  const ipc = readdirSync(directory).flatMap((file) => /^\.shmtable-sysv:(\d+):/.exec(file)?.[1] ?? [])[0];
  const planted = ['.shmtable-temporary-planted', `.shmtable-sysv-temporary-${ipc}-planted`].map((name) =>
    join(directory, name),
  );
  for (const file of planted) {
    copyFileSync(path, file);
    chmodSync(file, 0o666);
    chownSync(file, NOBODY, NOBODY);
  }
  const link = join(directory, '.shmtable-temporary-link');
  symlinkSync('/etc/passwd', link);
  lchownSync(link, NOBODY, NOBODY);
  for (const file of [...planted, link]) t.teardown(() => rmSync(file, { force: true }));
  for (const backend of ['posix', 'sysv'] as const) {
    const { agent } = Agent.process(t, { ...preloaded(), REFUSED_CALLS: refusalsText({ tmpfile: 'ENOTSUP' }) });
    const name = scratchName();
    t.equal(await agent.call('create', backend, name, 64), 64);
    t.equal(await agent.call('unlink'), true);
  }
  const alive = Segment.open({ ...place });
  t.equal(new Int32Array(alive.buffer)[0], 77, 'the segment still exists');
  alive.close();
  for (const file of planted) t.ok(existsSync(file), 'a file of another user is left alone');
});
