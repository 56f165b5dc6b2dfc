import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { FixedPool, GlobalPool, MetricRegistry, type Segment } from '../../src/pools/index.js';
import { scratchSegment } from '../pools/scratch-segment.js';
import { Child } from '../table/child.js';
import { loadStoreTrap } from './store-trap.js';

/*
 * A pool with a mutex hangs for all processes when one stops or dies inside it. These pools have no mutex: a process
 * that is stopped before any store of an operation delays no other process, and once it is dead, what it held is
 * available again.
 */

/** Built here, so that the child processes do not build it concurrently. */
loadStoreTrap();

const DEADLINE_MS = 60_000;

/** A process that stops before this store of its operation; undefined if the operation has no such store. */
async function stopAt(t: Test, segment: Segment, operation: string, store: number): Promise<Child | undefined> {
  const child = Child.start(t, 'proof-stopped-allocator', segment.name, operation, store);
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
 * Tries every store of an operation: calls `live` while a process is stopped before it, and `inherit` once that process
 * is dead.
 */
async function stopEverywhere(
  t: Test,
  segment: Segment,
  operation: string,
  live: () => void,
  inherit: (pid: number) => void = () => {},
): Promise<void> {
  for (let store = 0; ; store++) {
    const child = await stopAt(t, segment, operation, store);
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

for (const operation of ['alloc', 'free']) {
  t.test(
    `a FixedPool works while a process is stopped inside ${operation}, and leaks nothing when it is killed`,
    async (t) => {
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
        operation,
        () => useAll(1),
        (pid) => {
          pool.settle(pid);
          t.equal(pool.stats().used, 0);
          useAll(0);
        },
      );
    },
  );
}

t.test('a process stopped inside the first free of a full FixedPool withholds at most one slice', async (t) => {
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
    const child = await stopAt(t, segment, 'free in a full pool', store);
    if (child === undefined) {
      t.ok(store > 2, `${store} stores`);
      return;
    }
    for (const offset of others) pool.free(offset);
    const { length } = takeAll();
    if (length < slices - 1) t.fail(`stopped before store ${store}: ${slices - length} slices are withheld`);
    child.process.kill('SIGKILL');
    await child.ended;
  }
});

t.test('a GlobalPool works while a process is stopped inside alloc, and after it is killed', async (t) => {
  const segment = scratchSegment(t, 1 << 16);
  const pool = GlobalPool.create(segment, { pageBytes: 1024 });
  await stopEverywhere(t, segment, 'alloc in a GlobalPool', () => {
    const first = pool.alloc(8);
    t.equal(pool.alloc(8), first + 8);
  });
});

t.test(
  'a MetricRegistry works while a process is stopped inside increment or observe, and after it is killed',
  async (t) => {
    const segment = scratchSegment(t, 1 << 16, (made) => MetricRegistry.create(made).close());
    const registry = MetricRegistry.open(segment);
    t.teardown(() => registry.close());
    const [counter, histogram] = [registry.counter('counter'), registry.histogram('histogram', [1, 2])];
    for (const operation of ['increment', 'observe']) {
      await stopEverywhere(t, segment, operation, () => {
        const [value, { count }] = [counter.value, histogram.distribution];
        counter.increment();
        histogram.observe(2);
        t.equal(counter.value, value + 1);
        t.equal(histogram.distribution.count, count + 1);
      });
    }
  },
);
