import { statSync } from 'node:fs';
import t, { type Test } from 'tap';
import { Segment } from '../../src/memory/index.js';
import { placeOf } from '../fixtures/segment-place.js';
import { tries } from '../fixtures/tries.js';
import { Agent } from './agent.js';
import { BACKENDS, GROWING, openFiles, removeAtEnd, scratchName, scratchSegment } from './scratch-segment.js';

const AGENTS = tries(4, 8);
/** Shared by the tests of all backends, because starting a process or thread takes longer than what it does here. */
const processes = Array.from({ length: AGENTS }, () => Agent.process(t).agent);
const threads = Array.from({ length: AGENTS }, () => Agent.thread(t).agent);

for (const backend of BACKENDS) {
  /** Anonymous memory is found only by processes that were started after it was created. */
  const anotherProcess = (t: Test): Agent => (backend === 'anonymous' ? Agent.process(t).agent : processes[0]);

  t.test(backend, async (t) => {
    t.test('a segment is zeroed and has the requested size', async (t) => {
      const segment = scratchSegment(t, { backend, size: 100_001 });
      t.equal(segment.backend, backend);
      t.equal(segment.size, 100_001);
      t.equal(segment.buffer.byteLength, 100_001);
      t.ok(new Uint8Array(segment.buffer).every((byte) => byte === 0));
      t.equal(segment.buffer, segment.buffer, 'the same buffer as long as the segment is unchanged');
    });

    t.test('two handles and two processes share the bytes', async (t) => {
      const segment = scratchSegment(t, { backend });
      const words = new Int32Array(segment.buffer);
      const second = Segment.open({ ...placeOf(backend, segment.name) });
      t.teardown(() => second.close());
      words[3] = 7;
      t.equal(new Int32Array(second.buffer)[3], 7);
      const agent = anotherProcess(t);
      t.equal(await agent.call('open', backend, segment.name), 4096);
      t.equal(await agent.call('read', 3), 7);
      await agent.call('write', 4, 8);
      t.equal(words[4], 8);
      t.equal(new Int32Array(second.buffer)[4], 8);
      await agent.call('close');
    });

    t.test('no process sees it before initialise has returned', async (t) => {
      const name = scratchName();
      removeAtEnd(t, backend, name);
      const segment = Segment.create({ ...placeOf(backend, name), size: 64 }, (fresh) => {
        t.throws(() => Segment.open({ ...placeOf(backend, name) }), { code: 'ERR_SEGMENT_NOT_FOUND' });
        t.notOk(Segment.list().some((info) => info.name === name));
        t.equal(fresh.unlink(), false, 'it has no name to remove');
        new Uint8Array(fresh.buffer).fill(5);
      });
      t.teardown(() => segment.close());
      const opened = Segment.open({ ...placeOf(backend, name) });
      t.ok(new Uint8Array(opened.buffer).every((byte) => byte === 5));
      opened.close();
    });

    t.test('an initialise that throws leaves nothing behind', async (t) => {
      const name = scratchName();
      const before = openFiles();
      t.throws(
        () =>
          Segment.create({ ...placeOf(backend, name), size: 64 }, () => {
            throw new Error('no');
          }),
        { message: 'no' },
      );
      t.same(openFiles(), before);
      t.throws(() => Segment.open({ ...placeOf(backend, name) }), { code: 'ERR_SEGMENT_NOT_FOUND' });
    });

    t.test('a name in use is an error', async (t) => {
      const segment = scratchSegment(t, { backend });
      const { name } = segment;
      const before = openFiles();
      const expected = { code: 'ERR_SEGMENT_EXISTS', message: new RegExp(`"${name}"`) };
      t.throws(() => Segment.create({ ...placeOf(backend, name), size: 64 }), expected);
      const other = scratchName();
      removeAtEnd(t, backend, other);
      const lost = () =>
        Segment.create({ ...placeOf(backend, other), size: 64 }, () => {
          Segment.create({ ...placeOf(backend, other), size: 128 }).close();
        });
      t.throws(lost, { code: 'ERR_SEGMENT_EXISTS' }, 'also if another creator was faster');
      const winner = Segment.open({ ...placeOf(backend, other) });
      t.equal(winner.size, 128);
      winner.unlink();
      winner.close();
      t.same(openFiles(), before);
      t.equal(segment.size, 4096);
    });

    t.test('only the owner may open it, whatever the umask', async (t) => {
      for (const umask of [0, 0o777]) {
        const before = process.umask(umask);
        const segment = scratchSegment(t, { backend });
        process.umask(before);
        t.equal(Segment.list().find(({ name }) => name === segment.name)?.mode, 0o600);
        if (backend === 'posix') t.equal(statSync(`/dev/shm/${segment.name}`).mode & 0o7777, 0o600);
      }
    });

    t.test('it is listed with its owner and the processes that map it', async (t) => {
      const segment = scratchSegment(t, { backend });
      const info = () => Segment.list().find(({ name }) => name === segment.name);
      t.match(info(), { name: segment.name, backend, owner: /./, mode: 0o600, bytes: 4096, attached: 1 });
      const agent = anotherProcess(t);
      await agent.call('open', backend, segment.name);
      t.equal(info()?.attached, 2);
      await agent.call('close');
      t.equal(info()?.attached, 1);
      segment.unlink();
      t.equal(info(), undefined);
    });

    t.test('a closed handle cannot be used; the segment remains', async (t) => {
      const before = openFiles();
      const name = scratchName();
      const segment = Segment.create({ ...placeOf(backend, name), size: 64 });
      const bytes = new Uint8Array(segment.buffer).fill(9);
      const opened = Segment.open({ ...placeOf(backend, name) });
      segment.close();
      segment.close();
      t.equal(bytes[0], 0, 'a view that was kept reads zeros');
      bytes.fill(3);
      t.equal(new Uint8Array(opened.buffer)[0], 9, 'and its writes do not reach the segment');
      const closed = { code: 'ERR_SEGMENT_NOT_FOUND', message: `segment "${name}" is closed` };
      t.throws(() => segment.buffer, closed);
      t.throws(() => segment.size, closed);
      t.throws(() => segment.protect('read'), closed);
      t.throws(() => segment.grow(128), closed);
      t.throws(() => segment.sync(), closed);
      t.throws(() => segment.unlink(), closed);
      t.throws(() => segment.openByteLocks(), closed);
      opened.close();
      const again = Segment.open({ ...placeOf(backend, name) });
      t.equal(new Uint8Array(again.buffer)[0], 9, 'the segment outlives its handles');
      again.unlink();
      again.close();
      t.same(openFiles(), before);
    });

    t.test('unlink removes the name, not the memory', async (t) => {
      const segment = scratchSegment(t, { backend });
      const other = Segment.open({ ...placeOf(backend, segment.name) });
      t.teardown(() => other.close());
      t.equal(other.unlink(), true);
      t.equal(other.unlink(), false);
      t.equal(segment.unlink(), false);
      t.throws(() => Segment.open({ ...placeOf(backend, segment.name) }), { code: 'ERR_SEGMENT_NOT_FOUND' });
      new Uint8Array(segment.buffer)[0] = 4;
      t.equal(new Uint8Array(other.buffer)[0], 4);
      const locks = segment.openByteLocks();
      t.ok(locks.tryLock(1), 'an unlinked segment can still be locked');
      locks.close();
    });

    t.test('unlink does not remove another segment that has taken the name', async (t) => {
      const old = scratchSegment(t, { backend });
      old.unlink();
      const fresh = scratchSegment(t, { backend, name: old.name });
      t.equal(old.unlink(), false);
      Segment.open({ ...placeOf(backend, old.name) }).close();
      t.equal(fresh.unlink(), true);
    });

    t.test('read-only memory cannot be written', async (t) => {
      const segment = scratchSegment(t, { backend });
      const reader = Segment.open({ ...placeOf(backend, segment.name), readOnly: true });
      t.teardown(() => reader.close());
      new Uint8Array(segment.buffer)[0] = 6;
      t.equal(reader.readOnly, true);
      t.equal(new Uint8Array(reader.buffer)[0], 6);
      const expected = { code: 'ERR_READ_ONLY', message: new RegExp(segment.name) };
      t.throws(() => reader.protect('readwrite'), expected);
      t.throws(() => reader.grow(8192), expected);
      t.throws(() => reader.unlink(), expected);
      reader.protect('read');
      reader.sync();
      const { agent } = Agent.process(t);
      await agent.call('openReadOnly', backend, segment.name);
      await t.rejects(agent.call('write', 0, 1), { message: 'the agent ended with SIGSEGV' });
      t.equal(new Uint8Array(segment.buffer)[0], 6);
    });

    t.test('protect changes whether memory can be written', async (t) => {
      const segment = scratchSegment(t, { backend });
      t.throws(() => segment.protect('none' as 'read'), { code: 'ERR_ARGUMENT', message: /got "none"/ });
      segment.protect('read');
      segment.protect('readwrite');
      new Uint8Array(segment.buffer)[0] = 1;
      for (const grows of GROWING.includes(backend) ? [false, true] : [false]) {
        const { agent } = Agent.process(t);
        await agent.call('open', backend, segment.name);
        await agent.call('protect', 'read');
        if (grows) await agent.call('grow', 8192);
        t.equal(await agent.call('read', 0), 1);
        await t.rejects(agent.call('write', 0, 2), { message: 'the agent ended with SIGSEGV' });
      }
      t.equal(new Uint8Array(segment.buffer)[0], 1);
      const agent = anotherProcess(t);
      await agent.call('open', backend, segment.name);
      await agent.call('protect', 'read');
      await agent.call('protect', 'readwrite');
      await agent.call('write', 0, 2);
      t.equal(new Uint8Array(segment.buffer)[0], 2);
      await agent.call('close');
    });

    t.test('grow keeps the data and detaches old views', async (t) => {
      const segment = scratchSegment(t, { backend });
      if (!GROWING.includes(backend)) {
        const expected = { code: 'ERR_BACKEND_UNSUPPORTED', message: new RegExp(`"${segment.name}" cannot grow`) };
        t.throws(() => segment.grow(8192), expected);
        t.throws(() => segment.grow(1), { code: 'ERR_ARGUMENT' });
        t.equal(segment.size, 4096);
        return;
      }
      const agent = anotherProcess(t);
      await agent.call('open', backend, segment.name);
      const old = new Int32Array(segment.buffer).fill(5);
      t.throws(() => segment.grow(4095), {
        code: 'ERR_ARGUMENT',
        message: /at least its current 4096 bytes, got 4095/,
      });
      t.throws(() => segment.grow(Number.NaN), { code: 'ERR_ARGUMENT' });
      segment.grow(4096);
      t.equal(old.length, 1024, 'growing to the same size keeps the buffer');
      segment.grow(10_000_000);
      t.equal(old.length, 0, 'the old views are detached');
      t.equal(segment.size, 10_000_000);
      const words = new Int32Array(segment.buffer);
      t.ok(words.subarray(0, 1024).every((word) => word === 5));
      t.ok(words.subarray(1024).every((word) => word === 0));
      words[2_000_000] = 8;
      t.equal(await agent.call('size'), 10_000_000);
      t.equal(await agent.call('read', 2_000_000), 8);
      await agent.call('grow', 10_000_004);
      t.equal(segment.size, 10_000_004);
      t.equal(segment.buffer.byteLength, 10_000_004);
      await agent.call('close');
    });

    t.test('of several processes that create one name, one succeeds', async (t) => {
      // Anonymous memory is found only by descendants, so there each process has a separate segment.
      const winners = backend === 'anonymous' ? AGENTS : 1;
      for (let round = 0; round < tries(4, 10); round++) {
        const name = scratchName();
        removeAtEnd(t, backend, name);
        const results = await Promise.all(
          processes.map((agent, index) => agent.call('createOrOpen', backend, name, 1 << 18, index + 1)),
        );
        t.equal(results.filter(([made]) => made).length, winners, 'winners');
        t.equal(new Set(results.map(([, word]) => word)).size, winners, 'all see the segment that one of them created');
        t.notOk(
          results.some(([, word]) => word < 1),
          'none sees an incomplete segment',
        );
        await Promise.all(processes.map((agent) => agent.call('close')));
      }
    });

    t.test('of several threads that create one name, one succeeds', async (t) => {
      for (let round = 0; round < tries(4, 10); round++) {
        const name = scratchName();
        removeAtEnd(t, backend, name);
        const results = await Promise.all(
          threads.map((agent, index) => agent.call('createOrOpen', backend, name, 1 << 18, index + 1)),
        );
        t.equal(results.filter(([made]) => made).length, 1, 'winners');
        t.equal(new Set(results.map(([, word]) => word)).size, 1, 'all see the segment that one of them created');
        t.notOk(
          results.some(([, word]) => word < 1),
          'none sees an incomplete segment',
        );
        await Promise.all(threads.map((agent) => agent.call('close')));
      }
    });

    t.test(
      'when processes create and unlink one name concurrently, each object is unlinked exactly once',
      async (t) => {
        const name = scratchName();
        removeAtEnd(t, backend, name);
        // Threads instead of processes where processes would not find each other's anonymous memory.
        const four = (backend === 'anonymous' ? threads : processes).slice(0, 4);
        const results = await Promise.all(
          four.map((agent, index) => agent.call('createAndUnlink', backend, name, tries(80, 300), (index + 1) * 1000)),
        );
        const made = results.flatMap(([marks]) => marks).sort((a, b) => a - b);
        const removed = results.flatMap(([, marks]) => marks).sort((a, b) => a - b);
        t.same(removed, made);
        t.throws(() => Segment.open({ ...placeOf(backend, name) }), { code: 'ERR_SEGMENT_NOT_FOUND' });
      },
    );

    t.test('a segment is created even if no huge pages are available', async (t) => {
      const segment = scratchSegment(t, { backend, size: 1 << 22, hugePages: true });
      new Uint8Array(segment.buffer).fill(1);
      t.equal(segment.size, 1 << 22);
      const opened = Segment.open({ ...placeOf(backend, segment.name), hugePages: true });
      t.equal(new Uint8Array(opened.buffer)[1 << 21], 1);
      opened.close();
    });
  });
}

t.test('many segments are found some at a time', async (t) => {
  for (const [backend, count] of [
    ['posix', 450],
    ['sysv', 110],
  ] as const) {
    const made = Array.from({ length: count }, () => Segment.create({ name: scratchName(), backend, size: 1 }));
    const names = new Set(made.map(({ name }) => name));
    for (const steps of [[...Segment.find()], [...Segment.search()]]) {
      const sizes = steps.map((step) => step.filter(({ name }) => names.has(name)).length);
      t.equal(
        sizes.reduce((sum, size) => sum + size),
        count,
      );
      t.ok(Math.max(...sizes) < count / 2, `${backend}: at most ${Math.max(...sizes)} in a step`);
    }
    for (const segment of made) {
      segment.unlink();
      segment.close();
    }
  }
});

t.test('backends do not share names', async (t) => {
  const posix = scratchSegment(t, { backend: 'posix' });
  const anonymous = scratchSegment(t, { backend: 'anonymous', name: posix.name, size: 8 });
  t.equal(posix.size, 4096);
  t.equal(anonymous.size, 8);
  posix.unlink();
  t.equal(anonymous.unlink(), true);
});
