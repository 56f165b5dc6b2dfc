import t from 'tap';
import { futexWait, futexWake } from '../../src/memory/index.js';
import { Agent } from './agent.js';
import { BACKENDS, scratchSegment } from './scratch-segment.js';

t.test('invalid arguments are rejected', async (t) => {
  const words = new Int32Array(scratchSegment(t, { size: 64 }).buffer);
  const other = new Uint32Array(words.buffer) as unknown as Int32Array;
  for (const index of [16, -1, Number.NaN, 2 ** 40, '0' as unknown as number]) {
    const expected = { code: 'ERR_ARGUMENT', message: new RegExp(`word ${index} of a view of 16 words`) };
    t.throws(() => futexWait(words, index, 0, 1), expected);
    t.throws(() => futexWake(words, index, 1), expected);
  }
  t.throws(() => futexWake(other, 0, 1), { code: 'ERR_ARGUMENT' });
  for (const timeoutMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
    t.throws(() => futexWait(words, 0, 0, timeoutMs), { code: 'ERR_ARGUMENT', message: /limit 0 \.\. 2147483647/ });
  }
});

t.test('a view without elements has no word to wait on', async (t) => {
  const segment = scratchSegment(t);
  const words = new Int32Array(segment.buffer);
  segment.grow(8192);
  t.throws(() => futexWait(words, 0, 0, 1), { code: 'ERR_ARGUMENT', message: /a view of 0 words/ });
  t.throws(() => futexWake(words, 0, 1), { code: 'ERR_ARGUMENT' });
});

t.test('a wait ends after its timeout', async (t) => {
  const words = new Int32Array(scratchSegment(t).buffer);
  for (const timeoutMs of [0, 0.5, 20, 1000.25]) {
    const start = performance.now();
    t.equal(futexWait(words, 3, 0, timeoutMs), 'timeout');
    t.ok(performance.now() - start >= timeoutMs - 0.1, `waited ${timeoutMs} ms`);
  }
  t.equal(futexWait(words, 3, 1, 1000), 'changed');
  t.equal(futexWake(words, 3, 1), 0, 'no sleeper to wake');
});

for (const backend of BACKENDS) {
  t.test(`${backend}: wakes sleepers of other processes and threads`, async (t) => {
    const segment = scratchSegment(t, { backend });
    const words = new Int32Array(segment.buffer, 8);
    const agents = [Agent.process(t).agent, Agent.process(t).agent, Agent.thread(t).agent];
    for (const agent of agents) await agent.call('open', backend, segment.name);
    const waits = Promise.all(agents.map((agent) => agent.call('wait', 5, 0, 30_000)));
    // Only threads that sleep are woken, so the number woken is the number of sleepers.
    let woken = 0;
    while (woken < agents.length) {
      woken += futexWake(words, 3, 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.same(await waits, ['woken', 'woken', 'woken']);
    t.equal(await agents[0].call('wake', 5, 1), 0);
  });
}
