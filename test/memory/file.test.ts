import '../fixtures/under-refused-calls.js';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { Segment } from '../../src/memory/index.js';
import { actingAs, NOBODY, needsTwoUsers } from '../fixtures/other-user.js';
import { refusing } from '../fixtures/refused-calls.js';
import { placeOf } from '../fixtures/segment-place.js';
import { Agent } from './agent.js';
import { openFiles, scratchName, scratchSegment } from './scratch-segment.js';

const backend = 'file';
const HEAD_BYTES = 65_536;

/** A folder that is removed when the test ends. */
function scratchFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

t.test('a path is required, and only for this backend', async (t) => {
  const name = scratchName();
  for (const path of [undefined, '', 'a\0b', 7 as unknown as string]) {
    const expected = { code: 'ERR_ARGUMENT', message: /path must be the path of a file.*got / };
    t.throws(() => Segment.create({ backend, name, path, size: 64 }), expected);
    t.throws(() => Segment.open({ backend, name, path }), expected);
  }
  const expected = { code: 'ERR_ARGUMENT', message: 'the backend must be file for path "/tmp/a", got posix' };
  t.throws(() => Segment.create({ name, path: '/tmp/a', size: 64 }), expected);
  t.throws(() => Segment.open({ name, path: '/tmp/a' }), expected);
  t.throws(() => Segment.create({ backend, name, path: '/nonexistent/a', size: 64 }), {
    code: 'ERR_ARGUMENT',
    message: /\/nonexistent\/a: there is no folder \/nonexistent/,
  });
  t.throws(() => Segment.open({ backend, name, path: '/nonexistent/a' }), {
    code: 'ERR_SEGMENT_NOT_FOUND',
    message: /there is no file segment .*in \/nonexistent/,
  });
  t.throws(() => Segment.create({ backend, name, path: `/tmp/${'x'.repeat(256)}`, size: 64 }), {
    code: 'ERR_ARGUMENT',
    message: /ENAMETOOLONG/,
  });
});

t.test('a relative path is relative to the current folder at creation', async (t) => {
  const folder = scratchFolder(t);
  const name = scratchName();
  const before = process.cwd();
  process.chdir(folder);
  const segment = Segment.create({ backend, name, path: 'a.segment', size: 64 });
  process.chdir(before);
  t.ok(existsSync(join(folder, 'a.segment')));
  t.equal(segment.unlink(), true, 'even if the current folder has changed');
  segment.close();
  t.same(readdirSync(folder), []);
});

t.test('a file that is not this segment is rejected', async (t) => {
  const path = join(scratchFolder(t), 'a');
  const name = scratchName();
  const refused = (message: string | RegExp) => {
    const before = openFiles();
    t.throws(() => Segment.open({ backend, name, path }), { code: 'ERR_SEGMENT_NOT_FOUND', message });
    t.throws(() => Segment.open({ backend, name, path, readOnly: true }), { code: 'ERR_SEGMENT_NOT_FOUND', message });
    t.throws(() => Segment.create({ backend, name, path, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
    t.same(Segment.list({ path }), []);
    t.same(openFiles(), before);
    rmSync(path, { recursive: true });
  };
  mkdirSync(path);
  refused(`${path} is a folder, not a file segment`);
  symlinkSync('/etc/passwd', path);
  refused(`${path} is a symbolic link, not a file segment`);
  writeFileSync(path, 'x'.repeat(100_000));
  refused(`${path} is another kind of file, not a file segment`);
  Segment.create({ backend, name, path, size: 64 }).close();
  truncateSync(path, HEAD_BYTES);
  refused(`${path} is a truncated file, not a file segment`);

  const other = Segment.create({ backend, name: 'other', path, size: 64 });
  t.throws(() => Segment.open({ backend, name, path }), {
    code: 'ERR_SEGMENT_NOT_FOUND',
    message: `${path} is segment "other", not segment "${name}"`,
  });
  other.unlink();
  other.close();
});

t.test('a file segment outlives its processes', async (t) => {
  const name = scratchName();
  const place = placeOf(backend, name);
  t.teardown(() => rmSync(String(place.path)));
  const { agent, child } = Agent.process(t);
  await agent.call('create', backend, name, 10_000);
  await agent.call('write', 2499, 77);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  t.equal(statSync(String(place.path)).size, HEAD_BYTES + 10_000);
  const segment = Segment.open({ ...place });
  t.equal(new Int32Array(segment.buffer)[2499], 77);
  new Int32Array(segment.buffer)[0] = 78;
  segment.sync();
  t.equal(readFileSync(String(place.path)).readInt32LE(HEAD_BYTES), 78);
  segment.close();
});

t.test('it is listed while a process has it open, and always if its path is given', async (t) => {
  const segment = scratchSegment(t, { backend });
  const place = placeOf(backend, segment.name);
  const seen = () => Segment.list().filter(({ name }) => name === segment.name);
  t.match(seen(), [{ backend, bytes: 4096, attached: 1, mode: 0o600, location: place.path }]);
  const { agent } = Agent.process(t);
  await agent.call('open', backend, segment.name);
  segment.close();
  t.match(seen(), [{ attached: 1 }]);
  await agent.call('close');
  t.same(seen(), []);
  t.match(Segment.list({ path: place.path }), [{ name: segment.name, attached: 0, bytes: 4096 }]);
});

t.test('the holes of a copied file are filled before it is mapped', async (t) => {
  const folder = scratchFolder(t);
  const name = scratchName();
  const path = join(folder, 'a');
  Segment.create({ backend, name, path, size: 1 << 20 }).close();
  const copy = join(folder, 'b');
  writeFileSync(copy, readFileSync(path).subarray(0, HEAD_BYTES));
  const file = openSync(copy, 'r+');
  ftruncateSync(file, statSync(path).size);
  closeSync(file);
  const segment = Segment.open({ backend, name, path: copy });
  t.equal(segment.size, 1 << 20);
  t.ok(statSync(copy).blocks * 512 >= 1 << 20);
  segment.close();
});

t.test('creation fails if the file system has no space', async (t) => {
  const folder = scratchFolder(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1024k', 'shmtable-test', folder], { stdio: 'ignore' });
  } catch {
    t.pass('NO TMPFS CAN BE MOUNTED HERE: run as root to test a full file system', { skip: true });
    return;
  }
  t.teardown(() => execFileSync('umount', [folder]));
  const path = join(folder, 'a');
  t.throws(() => Segment.create({ backend, name: 'a', path, size: 2 << 20 }), {
    code: 'ERR_SEGMENT_NO_SPACE',
    message: new RegExp(
      `file segment "a" of \\d+ bytes needs \\d+ more, and the file system of ${path} has 1048576 free`,
    ),
  });
  t.same(readdirSync(folder), []);
});

t.test('creation fails above the limit on file sizes (RLIMIT_FSIZE)', async (t) => {
  for (const kind of ['posix', 'anonymous', 'file'] as const) {
    const index = fileURLToPath(new URL('../../src/memory/index.js', import.meta.url));
    const place = placeOf(kind, scratchName());
    const program = `import { Segment } from ${JSON.stringify(index)};
      const place = ${JSON.stringify(place)};
      try { Segment.create({ ...place, size: 4 << 20 }); } catch (error) { console.log(error.code, error.message); }
      const segment = Segment.create({ ...place, size: 4096 });
      segment.unlink();
      console.log('small', segment.size);`;
    const run = spawnSync(
      'sh',
      ['-c', 'ulimit -f 1024; exec "$0" --input-type=module -e "$1"', process.execPath, program],
      {
        encoding: 'utf8',
      },
    );
    t.match(run.stdout, /ERR_SEGMENT_NO_SPACE .*\(RLIMIT_FSIZE, ulimit -f\) is \d+ bytes/, kind);
    t.match(run.stdout, /small 4096/);
    if (place.path !== undefined) t.notOk(existsSync(place.path));
  }
});

t.test('it can be created on file systems without O_TMPFILE', async (t) => {
  const folder = scratchFolder(t);
  const name = scratchName();
  const path = join(folder, 'a');
  for (const errno of ['ENOTSUP', 'EISDIR', 'EINVAL', 'ENOENT', 'ENOSYS']) {
    const made = refusing({ tmpfile: errno }, () => Segment.create({ backend, name, path, size: 64 }));
    made.unlink();
    made.close();
  }
  const create = (initialise: (fresh: Segment) => void) =>
    refusing({ tmpfile: 'ENOTSUP' }, () => Segment.create({ backend, name, path, size: 64 }, initialise));
  const segment = create((fresh) => {
    t.equal(readdirSync(folder).length, 1, 'a temporary name');
    t.throws(() => Segment.open({ backend, name, path }), { code: 'ERR_SEGMENT_NOT_FOUND' });
    new Uint8Array(fresh.buffer).fill(5);
  });
  t.same(readdirSync(folder), ['a']);
  t.equal(new Uint8Array(segment.buffer)[63], 5);
  t.match(
    Segment.list().filter((info) => info.name === name),
    [{ location: path }],
  );
  segment.unlink();
  segment.close();
  t.same(readdirSync(folder), []);
});

t.test('a segment can be in a folder that its user may not read', { skip: needsTwoUsers }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-unreadable-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o333);
  const options = { backend, name: scratchName(), path: join(folder, 'segment') } as const;
  actingAs(NOBODY, () => {
    const segment = Segment.create({ ...options, size: 4096 });
    segment.unlink();
    segment.close();
  });
  t.notOk(existsSync(options.path));
});
