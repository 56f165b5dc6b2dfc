import '../fixtures/in-own-shm.js';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { isEmulated } from '../fixtures/deadline.js';
import { needsTwoUsers } from '../fixtures/other-user.js';
import { Agent } from './agent.js';
import { openFiles, removeAtEnd, scratchName, scratchSegment } from './scratch-segment.js';

const backend = 'sysv';

// A separate namespace, because other programs remove remains in theirs.
const directory = '/dev/shm';

interface SystemLine {
  key: number;
  id: number;
  mode: number;
  bytes: number;
  maker: number;
  attached: number;
}

/** The lines of `/proc/sysvipc/shm`, which is what `ipcs -m` prints. */
function segments(): SystemLine[] {
  const lines = readFileSync('/proc/sysvipc/shm', 'latin1').trim().split('\n').slice(1);
  return lines.map((line) => {
    const [key, id, mode, bytes, maker, , attached] = line.trim().split(/\s+/).map(Number);
    return { key, id, mode: Number.parseInt(String(mode), 8), bytes, maker, attached };
  });
}

/** How many of the segments that the processes created still exist. */
function countOf(...makers: (number | undefined)[]): number {
  return segments().filter(({ maker }) => makers.includes(maker)).length;
}

function companionsOf(name: string): string[] {
  return readdirSync(directory).filter((file) => file.startsWith('.shmtable-sysv') && file.endsWith(`:${name}`));
}

function temporaries(): string[] {
  return readdirSync(directory).filter((file) => file.startsWith('.shmtable-sysv-temporary-'));
}

/** The line of the system for a listed segment. */
function systemLine(name: string): SystemLine | undefined {
  const location = Segment.list().find((info) => info.name === name)?.location;
  return segments().find(({ key }) => `0x${key.toString(16).padStart(8, '0')}` === location);
}

t.test('ipcs lists the segment', async (t) => {
  const segment = scratchSegment(t, { backend, size: 12_345 });
  const line = systemLine(segment.name);
  t.match(line, { mode: 0o600, bytes: 12_345, attached: 1 });
  t.ok(Number(line?.key) > 0);
  const { agent } = Agent.process(t);
  await agent.call('open', backend, segment.name);
  t.equal(systemLine(segment.name)?.attached, 2);
  await agent.call('close');
  t.equal(systemLine(segment.name)?.attached, 1);
  try {
    const printed = execFileSync('ipcs', ['-m', '-i', String(line?.id)], { encoding: 'utf8' });
    t.match(printed, /bytes=12345/);
  } catch {
    t.pass('NO ipcs HERE (util-linux)', { skip: true });
  }
  segment.unlink();
  t.match(
    segments().find(({ id }) => id === line?.id),
    { key: 0, attached: 1 },
    'marked for removal with its last attachment',
  );
  segment.close();
  t.notOk(segments().some(({ id }) => id === line?.id));
  t.same(companionsOf(segment.name), []);
});

t.test('its memory is reserved at creation', async (t) => {
  if (isEmulated) {
    t.pass('the emulator ignores the advice by which memory is reserved');
    return;
  }
  const segment = scratchSegment(t, { backend, size: 1 << 22 });
  const id = systemLine(segment.name)?.id;
  const [head, ...lines] = readFileSync('/proc/sysvipc/shm', 'latin1').trim().split('\n');
  const column = head.trim().split(/\s+/).indexOf('rss');
  const line = lines.map((text) => text.trim().split(/\s+/)).find((fields) => Number(fields[1]) === id);
  t.equal(Number(line?.[column]), 1 << 22);
});

t.test('two names whose keys collide get different keys', async (t) => {
  // The FNV-1a hashes of both have the same first 31 bits.
  const [first, second] = collidingNames();
  const one = scratchSegment(t, { backend, name: first });
  const two = scratchSegment(t, { backend, name: second });
  new Uint8Array(one.buffer)[0] = 1;
  new Uint8Array(two.buffer)[0] = 2;
  const keys = [first, second].map((name) => Number(systemLine(name)?.key));
  t.equal(keys[1], keys[0] + 1);
  one.unlink();
  const again = Segment.open({ backend, name: second });
  t.equal(new Uint8Array(again.buffer)[0], 2);
  again.close();
});

function collidingNames(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const name = `t${process.pid}-${i}`;
    let hash = 0x811c9dc5;
    for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    const other = seen.get(hash & 0x7fffffff);
    if (other !== undefined) return [other, name];
    seen.set(hash & 0x7fffffff, name);
  }
}

t.test('after ipcrm the name is free', async (t) => {
  const old = scratchSegment(t, { backend });
  const { name } = old;
  const id = Number(systemLine(name)?.id);
  const removed = spawnSync('ipcrm', ['-m', String(id)]);
  if (removed.error !== undefined) {
    t.pass('NO ipcrm HERE (util-linux)', { skip: true });
    return;
  }
  t.notOk(Segment.list().some((info) => info.name === name));
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND', message: /was removed/ });
  const fresh = scratchSegment(t, { backend, name, size: 64 });
  t.equal(old.unlink(), false);
  const found = Segment.open({ backend, name });
  t.equal(found.size, 64);
  found.close();
  t.equal(fresh.unlink(), true);
  t.same(companionsOf(name), []);
});

t.test('a file with the name that is not a companion is rejected', async (t) => {
  const segment = scratchSegment(t, { backend });
  const [file] = companionsOf(segment.name);
  const name = scratchName();
  const path = join(directory, file.replace(segment.name, name));
  t.teardown(() => rmSync(path));
  for (const text of ['x', '{}', '[]', 'null', JSON.stringify({ id: 'a' })]) {
    writeFileSync(path, text);
    const before = openFiles();
    t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' }, text);
    t.throws(() => Segment.create({ backend, name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' }, text);
    t.notOk(Segment.list().some((info) => info.name === name));
    t.same(openFiles(), before);
  }
});

t.test('the next creator removes the segment of one that was killed half-way', async (t) => {
  const name = scratchName();
  const { agent, child } = Agent.process(t);
  await t.rejects(agent.call('createAndDie', backend, name), { message: 'the agent ended with SIGKILL' });
  t.equal(countOf(child.pid), 1);
  t.equal(temporaries().length, 1);
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  const segment = Segment.create({ backend, name, size: 64 }, () => {
    t.equal(countOf(child.pid), 0);
    const other = Segment.create({ backend, name: `${name}-b`, size: 64 });
    other.unlink();
    other.close();
    t.equal(temporaries().length, 1, 'that of a live creator remains');
  });
  segment.unlink();
  segment.close();
  t.equal(countOf(process.pid), 0);
  t.same(readdirSync(directory), []);
});

t.test('an initialise that throws leaves no segment behind', async (t) => {
  const fails = () =>
    Segment.create({ backend, name: scratchName(), size: 64 }, () => {
      throw new Error('no');
    });
  t.throws(fails, { message: 'no' });
  t.equal(countOf(process.pid), 0);
});

t.test('removeOnLastDetach removes the segment with its last attachment', async (t) => {
  const name = scratchName();
  removeAtEnd(t, backend, name);
  const { agent, child } = Agent.process(t);
  await agent.call('createFleeting', backend, name, 4096);
  const segment = Segment.open({ backend, name });
  await agent.call('write', 0, 5);
  t.equal(new Int32Array(segment.buffer)[0], 5);
  t.match(
    Segment.list().filter((info) => info.name === name),
    [{ attached: 2, location: '0x00000000' }],
  );
  t.throws(() => Segment.create({ backend, name, size: 64 }), { code: 'ERR_SEGMENT_EXISTS' });
  segment.close();
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  t.equal(countOf(child.pid), 0, 'nothing to clean up');
  t.throws(() => Segment.open({ backend, name }), { code: 'ERR_SEGMENT_NOT_FOUND' });
  scratchSegment(t, { backend, name }).unlink();
  t.same(companionsOf(name), []);

  const other = { code: 'ERR_ARGUMENT', message: 'the backend must be sysv for removeOnLastDetach, got posix' };
  t.throws(() => Segment.create({ name, size: 64, removeOnLastDetach: true }), other);
});

t.test('an error names the limit of the kernel', async (t) => {
  const index = fileURLToPath(new URL('../../src/memory/index.js', import.meta.url));
  const program = `import { Segment } from ${JSON.stringify(index)};
    const attempt = (name, size) => {
      try { return Segment.create({ backend: 'sysv', name, size }); } catch (error) { console.log(error.code, error.message); }
    };
    attempt('large', 2 << 20);
    const segment = attempt('${scratchName()}', 4096);
    attempt('another', 1 << 20);
    segment.unlink();`;
  const script = `echo 1048576 > /proc/sys/kernel/shmmax && echo 200 > /proc/sys/kernel/shmall &&
    exec "$0" --input-type=module -e "$1"`;
  const run = spawnSync('unshare', ['-i', 'sh', '-c', script, process.execPath, program], { encoding: 'utf8' });
  if (run.status !== 0) {
    t.pass('NO IPC NAMESPACE CAN BE CREATED HERE: run as root to test the limits', { skip: true });
    return;
  }
  t.match(run.stdout, /ERR_SEGMENT_NO_SPACE sysv segment "large" of 2097152 bytes .*kernel\.shmmax is 1048576 bytes/);
  t.match(run.stdout, /ERR_SEGMENT_NO_SPACE sysv segment "another" of 1048576 bytes .*kernel\.shmall is 200 pages/);
});

t.test('a segment of another user is refused', { skip: needsTwoUsers }, async (t) => {
  const segment = scratchSegment(t, { backend });
  const { agent } = Agent.process(t);
  await agent.call('becomeNobody');
  await t.rejects(agent.call('open', backend, segment.name), { code: 'ERR_PERMISSION' });
});
