/** Waiting threads are notified of the ends of processes and of byte locks, without polling. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { ProcessEnds, WordWatch } from '../../src/memory/index.js';
import { within } from '../fixtures/deadline.js';
import { openFiles, scratchSegment } from './scratch-segment.js';

/** A process that sleeps until it is killed. */
function standingProcess(t: Test): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  if (child.pid === undefined) throw new Error('sleep was not started');
  return child as ChildProcess & { pid: number };
}

t.test('the end of a killed process is reported, with one thread for any number of processes', async (t) => {
  const files = openFiles();
  const children = Array.from({ length: 20 }, () => standingProcess(t));
  let told = (): void => {};
  const ends = new ProcessEnds(() => told());
  t.teardown(() => ends.stop());
  for (const { pid } of children) t.equal(ends.add(pid), true);
  t.equal(ends.add(children[0].pid), true, 'adding it again changes nothing');
  t.equal(ends.pids().length, 20);
  for (const child of [children[7], children[13]]) {
    const end = new Promise<void>((resolve) => {
      told = resolve;
    });
    child.kill('SIGKILL');
    await within(10_000, 'the end', end);
  }
  ends.remove(children[0].pid);
  ends.remove(children[0].pid);
  t.equal(ends.pids().length, 19);
  ends.stop();
  ends.stop();
  t.same(openFiles(), files);
});

t.test('a process that has ended cannot be added', async (t) => {
  const child = standingProcess(t);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  const ends = new ProcessEnds(() => {});
  t.teardown(() => ends.stop());
  t.equal(ends.add(child.pid), false);
  t.same(ends.pids(), []);
});

/** Resolves when the two words of the announcement have advanced. */
function announcement(t: Test, words: Int32Array): Promise<void> {
  return new Promise((resolve) => {
    const watch = new WordWatch({ words, word: 5, sleepers: 6 }, words[5], () => resolve());
    t.teardown(() => watch.stop());
  });
}

t.test('the end of byte locks is announced when they are free', async (t) => {
  const segment = scratchSegment(t);
  const words = new Int32Array(segment.buffer);
  const others = segment.openByteLocks();
  t.teardown(() => others.close());

  const locks = segment.openByteLocks();
  t.equal(locks.tryLock(1), true);
  locks.announceEnd(words, 4);
  const told = announcement(t, words);
  locks.close();
  locks.close();
  await within(10_000, 'the announcement of close', told);
  t.same([words[4], words[5]], [1, 1]);
  t.equal(others.isLocked(1), false);
  t.throws(() => locks.announceEnd(words, 4), { name: 'ShmTableError' });
});

t.test('a thread that is terminated announces the end of its byte locks', async (t) => {
  const segment = scratchSegment(t);
  const words = new Int32Array(segment.buffer);
  const others = segment.openByteLocks();
  t.teardown(() => others.close());
  const program = `
    const { Segment } = await import(${JSON.stringify(new URL('../../src/memory/index.js', import.meta.url))});
    const segment = Segment.open({ name: ${JSON.stringify(segment.name)} });
    const locks = segment.openByteLocks();
    locks.tryLock(1);
    locks.announceEnd(new Int32Array(segment.buffer), 4);
    (await import('node:worker_threads')).parentPort.postMessage('ready');
    // Only the locks are kept, so that the segment could be collected.
    setInterval(() => locks, 1000);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  await once(worker, 'message');
  t.equal(others.isLocked(1), true);
  const told = announcement(t, words);
  await worker.terminate();
  await within(10_000, 'the announcement', told);
  t.same([words[4], words[5]], [1, 1]);
  t.equal(others.isLocked(1), false);
});
