import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { FixedPool, GlobalPool, MetricRegistry, type Segment } from '../../src/pools/index.js';
import { scratchSegment } from '../pools/scratch-segment.js';
import { Child } from '../table/child.js';
import { loadStoreTrap } from './store-trap.js';

/*
 * A pool behind a mutex hangs for everybody when a process stops or dies inside it. These pools have no mutex: a
 * process that is stopped before any store of an operation holds nobody up, and once it is dead, what it held is
 * available again.
 */

/** Built here, so that the children do not all do it. */
loadStoreTrap();

const DEADLINE_MS = 60_000;

/** A process that stops before that store of its deed; undefined when the deed has no such store. */
async function stopAt(t: Test, segment: Segment, deed: string, store: number): Promise<Child | undefined> {
  const child = Child.start(t, 'proof-stopped-allocator', segment.name, deed, store);
  const { pid } = child.process;
  let ended = false;
  void child.ended.then(() => {
    ended = true;
  });
  for (const deadline = performance.now() + DEADLINE_MS; performance.now() < deadline; await sleep(5)) {
    if (ended) {
      t.equal(await child.ended, 0);
      return undefined;
    }
    if (/^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return child;
  }
  throw new Error(`process ${pid} neither stopped nor ended`);
}

/**
 * Tries every store of a deed: calls `live` while a process is stopped before it, and `inherit` once that process is
 * dead.
 */
async function stopEverywhere(
  t: Test,
  segment: Segment,
  deed: string,
  live: () => void,
  inherit: (pid: number) => void = () => {},
): Promise<void> {
  for (let store = 0; ; store++) {
    const child = await stopAt(t, segment, deed, store);
    if (child === undefined) {
      t.ok(store > 0, `${store} stores`);
      return;
    }
    live();
    child.process.kill('SIGKILL');
    t.equal(await child.ended, 'SIGKILL');
    inherit(child.process.pid ?? 0);
  }
}

for (const deed of ['alloc', 'free']) {
  t.test(`FixedPool: stopped and killed inside ${deed}`, async (t) => {
    const slices = 40;
    const segment = scratchSegment(t, FixedPool.bytesFor(slices, 8));
    const pool = FixedPool.create(segment, { slices, sliceBytes: 8 });
    const useAll = (held: number): void => {
      const offsets: number[] = [];
      for (let offset = pool.alloc(); offset !== 0; offset = pool.alloc()) offsets.push(offset);
      if (offsets.length < slices - held || new Set(offsets).size !== offsets.length)
        t.fail(`${offsets.length} slices`);
      for (const offset of offsets) pool.free(offset);
    };
    await stopEverywhere(
      t,
      segment,
      deed,
      () => useAll(1),
      (pid) => {
        pool.settle(pid);
        t.equal(pool.stats().used, 0);
        useAll(0);
      },
    );
  });
}

t.test('FixedPool: stopped inside the first free of a full pool, it hides one slice at most', async (t) => {
  // More than 1,024 slices: its tree of bits has three levels.
  const slices = 1_100;
  for (let store = 0; ; store++) {
    const segment = scratchSegment(t, FixedPool.bytesFor(slices, 8));
    const pool = FixedPool.create(segment, { slices, sliceBytes: 8 });
    const takeAll = (): number[] => {
      const offsets: number[] = [];
      for (let offset = pool.alloc(); offset !== 0; offset = pool.alloc()) offsets.push(offset);
      return offsets;
    };
    const [, ...others] = takeAll();
    const child = await stopAt(t, segment, 'free the first', store);
    if (child === undefined) {
      t.ok(store > 2, `${store} stores`);
      return;
    }
    for (const offset of others) pool.free(offset);
    const { length } = takeAll();
    if (length < slices - 1) t.fail(`stopped before store ${store}: ${slices - length} slices are out of reach`);
    child.process.kill('SIGKILL');
    await child.ended;
  }
});

t.test('GlobalPool: stopped and killed inside alloc', async (t) => {
  const segment = scratchSegment(t, 1 << 16);
  const pool = GlobalPool.create(segment, { pageBytes: 1024 });
  await stopEverywhere(t, segment, 'alloc for ever', () => {
    const first = pool.alloc(8);
    t.equal(pool.alloc(8), first + 8);
  });
});

t.test('MetricRegistry: stopped and killed inside increment and observe', async (t) => {
  const segment = scratchSegment(t, 1 << 16, (made) => MetricRegistry.create(made).close());
  const registry = MetricRegistry.open(segment);
  t.teardown(() => registry.close());
  const [counter, histogram] = [registry.counter('counter'), registry.histogram('histogram', [1, 2])];
  for (const deed of ['increment', 'observe']) {
    await stopEverywhere(t, segment, deed, () => {
      const [value, { count }] = [counter.value, histogram.distribution];
      counter.increment();
      histogram.observe(2);
      t.equal(counter.value, value + 1);
      t.equal(histogram.distribution.count, count + 1);
    });
  }
});
