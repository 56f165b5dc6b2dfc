import { once } from 'node:events';
import t from 'tap';
import { Segment } from '../../src/memory/index.js';
import { placeOf } from '../fixtures/segment-place.js';
import { Agent } from './agent.js';
import { BACKENDS, openFiles, scratchSegment } from './scratch-segment.js';

for (const backend of BACKENDS) {
  t.test(backend, async (t) => {
    t.test('invalid bytes are rejected', async (t) => {
      const locks = scratchSegment(t, { backend }).openByteLocks();
      for (const byte of [
        -1,
        0.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        2 ** 53 - 1,
        2 ** 62,
        '1' as unknown as number,
      ]) {
        const expected = { code: 'ERR_ARGUMENT', message: /0 \.\. 2\^53-2, got / };
        t.throws(() => locks.tryLock(byte), expected);
        t.throws(() => locks.unlock(byte), expected);
        t.throws(() => locks.isLocked(byte), expected);
      }
      t.ok(locks.tryLock(2 ** 53 - 2), 'bytes may lie beyond the end of the segment');
      locks.close();
    });

    t.test('two descriptions of one process exclude each other', async (t) => {
      const segment = scratchSegment(t, { backend });
      const first = segment.openByteLocks();
      const second = segment.openByteLocks();
      t.ok(first.tryLock(5));
      t.ok(first.tryLock(5), 'again');
      t.notOk(second.tryLock(5));
      t.ok(second.tryLock(6), 'another byte');
      t.notOk(first.isLocked(5), "isLocked ignores the description's own locks");
      t.ok(second.isLocked(5));
      second.unlock(5);
      t.ok(second.isLocked(5), 'another description cannot unlock it');
      first.unlock(5);
      t.notOk(second.isLocked(5));
      t.ok(second.tryLock(5));
      second.close();
      t.notOk(first.isLocked(5), 'close releases all locks');
      t.notOk(first.isLocked(6));
      first.close();
    });

    t.test('closed locks throw', async (t) => {
      const segment = scratchSegment(t, { backend });
      const before = openFiles();
      const locks = segment.openByteLocks();
      locks.close();
      locks.close();
      const expected = { code: 'ERR_SEGMENT_NOT_FOUND', message: new RegExp(`${segment.name}" are closed`) };
      t.throws(() => locks.tryLock(1), expected);
      t.throws(() => locks.isLocked(1), expected);
      t.throws(() => locks.unlock(1), expected);
      t.same(openFiles(), before);
    });

    t.test('locks outlive the segment handle that opened them', async (t) => {
      const segment = scratchSegment(t, { backend });
      const other = Segment.open({ ...placeOf(backend, segment.name) });
      const locks = other.openByteLocks();
      t.ok(locks.tryLock(1));
      other.close();
      const watching = segment.openByteLocks();
      t.ok(watching.isLocked(1), 'closing another description of the same file releases nothing');
      locks.close();
      t.notOk(watching.isLocked(1));
      watching.close();
    });

    t.test('read-only locks can be tested but not taken', async (t) => {
      const segment = scratchSegment(t, { backend });
      const reader = Segment.open({ ...placeOf(backend, segment.name), readOnly: true });
      const looking = reader.openByteLocks();
      const locks = segment.openByteLocks();
      t.notOk(looking.isLocked(1));
      locks.tryLock(1);
      t.ok(looking.isLocked(1));
      t.throws(() => looking.tryLock(2), { code: 'ERR_READ_ONLY', message: /byte 2/ });
      for (const handle of [looking, locks, reader]) handle.close();
    });

    t.test('locks end with a killed process and are not inherited by its child', async (t) => {
      const segment = scratchSegment(t, { backend });
      const mine = segment.openByteLocks();
      t.ok(mine.tryLock(1));
      const { agent, child } = Agent.process(t);
      await agent.call('open', backend, segment.name);
      t.ok(await agent.call('isLocked', 1), "a child does not hold its parent's lock");
      t.ok(await agent.call('tryLock', 2));
      // Its child survives when it is killed, and must not keep the lock.
      const left = await agent.call('leaveChild');
      if (left === undefined) throw new Error('sleep(1) did not start');
      t.teardown(() => process.kill(left, 'SIGKILL'));
      t.ok(mine.isLocked(2));
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
      t.notOk(mine.isLocked(2));
      t.ok(mine.tryLock(2));
      mine.close();
    });

    t.test('locks end with a terminated thread', async (t) => {
      const segment = scratchSegment(t, { backend });
      const before = openFiles();
      const mine = segment.openByteLocks();
      const { agent, worker } = Agent.thread(t);
      await agent.call('open', backend, segment.name);
      t.ok(await agent.call('tryLock', 3));
      t.ok(mine.isLocked(3));
      await worker.terminate();
      t.notOk(mine.isLocked(3));
      mine.close();
      t.same(
        openFiles().filter((file) => file.includes(segment.name)),
        before.filter((file) => file.includes(segment.name)),
      );
    });
  });
}
