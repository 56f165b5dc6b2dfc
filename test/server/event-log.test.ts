import t from 'tap';
import { ServiceMemory } from '../../src/server/service-memory.js';

function started(worker: number) {
  return { type: 'worker started', worker } as const;
}

t.test('events are read in order, from the oldest or after a sequence number', async (t) => {
  const memory = ServiceMemory.createPrivate();
  t.teardown(() => memory.close());
  const { events } = memory;
  t.same([...events.read()], []);
  const before = Date.now();
  for (let worker = 1; worker <= 3; worker++) events.add(started(worker));
  const all = [...events.read()];
  t.match(all, [started(1), started(2), started(3)]);
  t.ok(all.every(({ at }) => at >= before && at <= Date.now()));
  t.match([...events.read(all[1].sequence)], [started(3)], 'events after a sequence number');
});

t.test('the oldest events make room for new ones', async (t) => {
  const memory = ServiceMemory.createPrivate();
  t.teardown(() => memory.close());
  const { events } = memory;
  const COUNT = 20_000;
  for (let worker = 1; worker <= COUNT; worker++) events.add(started(worker));
  const left = [...events.read()];
  t.ok(left.length > 500 && left.length < COUNT, `${left.length} are left`);
  t.match(left.at(-1), started(COUNT));
  t.ok(
    left.every(({ worker }, i) => i === 0 || worker === left[i - 1].worker + 1),
    'the newest events, without a gap',
  );
  const url = 'x'.repeat(10_000);
  events.add({ type: 'slow request', worker: 1, requestId: 'r', method: 'GET', url, status: 200, durationMs: 700 });
  t.match([...events.read()].at(-1), { type: 'slow request', url }, 'a large event replaces many small ones');
});
