import t, { type Test } from 'tap';
import { MetricRegistry, type MetricRegistryOptions, type MetricValue, Segment } from '../../src/pools/index.js';
import { Child } from '../table/child.js';
import { scratchSegment } from './scratch-segment.js';

const argument = { code: 'ERR_ARGUMENT' };
const closed = { code: 'ERR_SEGMENT_NOT_FOUND' };

function createRegistry(
  t: Test,
  size = 1 << 20,
  options?: MetricRegistryOptions,
): { segment: Segment; registry: MetricRegistry } {
  const segment = scratchSegment(t, size);
  const registry = MetricRegistry.create(segment, options);
  t.teardown(() => registry.close());
  return { segment, registry };
}

function openRegistry(t: Test, segment: Segment, offset = 0): MetricRegistry {
  const registry = MetricRegistry.open(segment, offset);
  t.teardown(() => registry.close());
  return registry;
}

function find(registry: MetricRegistry, name: string): MetricValue | undefined {
  return [...registry.entries()].find((entry) => entry.name === name);
}

t.test('invalid options are rejected', async (t) => {
  const segment = scratchSegment(t, 8192);
  for (const pageBytes of [0, 63, 960, 1025, '4096', Number.NaN]) {
    const options = { pageBytes } as MetricRegistryOptions;
    t.throws(() => MetricRegistry.create(segment, options), { ...argument, message: /pageBytes/ }, `${pageBytes}`);
  }
  for (const offset of [1, -64, 0.5]) t.throws(() => MetricRegistry.create(segment, { offset }), argument);
  t.throws(() => MetricRegistry.create(segment, { pageBytes: 8192 }), { code: 'ERR_POOL_FULL' });
  t.throws(() => MetricRegistry.create(segment, { offset: 8192 }), { code: 'ERR_POOL_FULL' });
  for (const offset of [0, 64, 8192])
    t.throws(() => MetricRegistry.open(segment, offset), argument, 'nothing was created');
});

t.test('invalid names and bounds are rejected', async (t) => {
  const { registry } = createRegistry(t);
  for (const name of ['', 'x'.repeat(513), 'é'.repeat(257), '\ud800', 5, undefined]) {
    t.throws(() => registry.counter(name as string), { ...argument, message: /name of a metric/ }, `${name}`);
    t.throws(() => registry.histogram(name as string, [1]), argument);
  }
  for (const bounds of [[], [1, 1], [2, 1], [Number.NaN], [1, Number.POSITIVE_INFINITY], ['1'], 5, undefined]) {
    t.throws(() => registry.histogram('h', bounds as number[]), { ...argument, message: /bounds/ }, `${bounds}`);
  }
  t.same([...registry.entries()], []);
  t.equal(registry.stats().used, 0, 'nothing was created');
});

t.test('a name has one kind and one set of bounds', async (t) => {
  const { segment, registry } = createRegistry(t);
  registry.counter('c');
  registry.histogram('h', [1, 2]);
  const other = openRegistry(t, segment);
  for (const handle of [registry, other]) {
    t.throws(() => handle.histogram('c', [1]), { ...argument, message: /"c" is already a counter.*bounds 1/ });
    t.throws(() => handle.counter('h'), { ...argument, message: /"h" is already a histogram with bounds 1, 2/ });
    t.throws(() => handle.histogram('h', [1, 3]), { ...argument, message: /already .*1, 2.*1, 3/ });
    t.equal(handle.histogram('h', [1, 2]), handle.histogram('h', [1, 2]), 'one object for each handle');
    t.equal(handle.counter('c'), handle.counter('c'));
  }
  t.same(
    [...other.entries()].map(({ name }) => name),
    ['c', 'h'],
  );
});

t.test('counters add up over all handles', async (t) => {
  const { segment, registry } = createRegistry(t, 1 << 16, { offset: 1024 });
  const other = openRegistry(t, segment, 1024);
  const [own, others] = [registry.counter('requests{status="200"}'), other.counter('requests{status="200"}')];
  own.increment();
  own.increment(2);
  others.increment(0.25);
  others.increment(0);
  t.equal(own.value, 3.25);
  t.equal(others.value, 3.25);
  t.same(find(registry, own.name), { kind: 'counter', name: 'requests{status="200"}', value: 3.25 });
  for (const by of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n, null]) {
    t.throws(() => own.increment(by as number), { code: 'ERR_VALUE_RANGE' }, `by ${by}`);
  }
  others.increment(Number.MAX_VALUE);
  t.throws(() => others.increment(Number.MAX_VALUE), { code: 'ERR_VALUE_RANGE' });
  t.equal(others.value, Number.MAX_VALUE);
});

t.test('histograms count up to and including each bound', async (t) => {
  const { segment, registry } = createRegistry(t);
  const other = openRegistry(t, segment);
  const bounds = [-1, 0, 0.5, 10];
  const [own, others] = [registry.histogram('h', bounds), other.histogram('h', bounds)];
  for (const value of [-5, -1, -0.5, 0, 0.25, 0.5]) own.observe(value);
  for (const value of [10, 10.5, 1000]) others.observe(value);
  const expected = { counts: [2, 2, 2, 1, 2], count: 9, sum: -5 - 1 - 0.5 + 0.25 + 0.5 + 10 + 10.5 + 1000 };
  t.same(own.distribution, expected);
  t.same(find(other, 'h'), { kind: 'histogram', name: 'h', bounds, ...expected });
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, '1', 1n, undefined]) {
    t.throws(() => own.observe(value as number), { code: 'ERR_VALUE_RANGE' }, `${value}`);
  }
  own.observe(Number.MAX_VALUE);
  t.throws(() => own.observe(Number.MAX_VALUE), { code: 'ERR_VALUE_RANGE' });
  t.same(own.distribution.counts, [2, 2, 2, 1, 3]);
});

t.test('a histogram has a bucket for each of any number of bounds', async (t) => {
  const { registry } = createRegistry(t);
  for (const count of [1, 2, 3, 7, 64, 300]) {
    const bounds = Array.from({ length: count }, (_, i) => i * 2);
    const histogram = registry.histogram(`h${count}`, bounds);
    for (let value = -1; value <= 2 * count; value++) histogram.observe(value);
    const counts = [2, ...Array.from({ length: count - 1 }, () => 2), 2];
    t.same(histogram.distribution.counts, counts, `${count} bounds`);
  }
});

t.test('counts remain when their handle is closed, and the next handle takes over its blocks', async (t) => {
  const { segment, registry } = createRegistry(t);
  registry.counter('c').increment(5);
  registry.histogram('h', [1]).observe(1);
  let used = registry.stats().used;
  for (let round = 1; round <= 3; round++) {
    const next = openRegistry(t, segment);
    const [counter, histogram] = [next.counter('c'), next.histogram('h', [1])];
    counter.increment();
    histogram.observe(2);
    next.close();
    next.close();
    t.throws(() => counter.increment(), closed);
    t.throws(() => histogram.observe(1), closed);
    t.throws(() => next.counter('c'), closed);
    t.throws(() => next.stats(), closed);
    t.throws(() => [...next.entries()], closed);
    t.equal(registry.counter('c').value, 5 + round);
    t.same(registry.histogram('h', [1]).distribution, { counts: [1, round], count: 1 + round, sum: 1 + 2 * round });
    if (round > 1) t.equal(registry.stats().used, used, 'no new blocks');
    used = registry.stats().used;
  }
});

t.test('every metric can be read in a read-only segment, but not counted', async (t) => {
  const { segment, registry } = createRegistry(t);
  registry.counter('c').increment(3);
  const readOnly = Segment.open({ name: segment.name, readOnly: true });
  t.teardown(() => readOnly.close());
  const reader = openRegistry(t, readOnly);
  t.same([...reader.entries()], [{ kind: 'counter', name: 'c', value: 3 }]);
  t.throws(() => reader.counter('c'), { code: 'ERR_READ_ONLY', message: /"c"/ });
  t.throws(() => reader.histogram('h', [1]), { code: 'ERR_READ_ONLY' });
  registry.counter('d');
  registry.counter('c').increment();
  t.same(
    [...reader.entries()].map((entry) => (entry.kind === 'counter' ? entry.value : entry)),
    [4, 0],
  );
});

t.test('a full registry refuses another metric, and existing ones still count', async (t) => {
  const { registry } = createRegistry(t, 4096, { pageBytes: 1024 });
  const counter = registry.counter('first');
  let made = 1;
  t.throws(
    () => {
      for (; ; made++) registry.counter(`counter ${made}`);
    },
    { code: 'ERR_POOL_FULL', message: /metric "counter \d+" needs \d+ bytes.*3072/ },
  );
  t.ok(made > 10, `${made} counters`);
  t.throws(
    () =>
      registry.histogram(
        'h',
        Array.from({ length: 200 }, (_, i) => i),
      ),
    { ...argument, message: /1024/ },
  );
  counter.increment();
  t.equal(counter.value, 1);
});

t.test('the number of handles that count at the same time is limited', async (t) => {
  const { segment, registry } = createRegistry(t);
  const others = segment.openByteLocks();
  t.teardown(() => others.close());
  for (let byte = 1; byte <= 1023; byte++) others.tryLock(byte);
  t.throws(() => registry.counter('c'), { code: 'ERR_TOO_MANY_PARTICIPANTS', message: /1023/ });
  others.unlock(700);
  registry.counter('c').increment();
  t.equal(registry.counter('c').value, 1);
});

t.test('a destroyed registry cannot be opened', async (t) => {
  const { segment, registry } = createRegistry(t);
  const counter = registry.counter('c');
  counter.increment(7);
  registry.destroy();
  t.throws(() => counter.increment(), closed);
  t.throws(() => registry.destroy(), closed);
  t.throws(() => MetricRegistry.open(segment), argument);
  const next = MetricRegistry.create(segment);
  t.teardown(() => next.close());
  t.same([...next.entries()], []);
  next.histogram('h', [1, 2]).observe(2);
  t.match([...next.entries()], [{ name: 'h', counts: [0, 1, 0], sum: 2 }], 'none of the earlier counts');
});

t.test('when 4 processes create the same metrics, each is created once and no count is lost', async (t) => {
  const METRICS = 200;
  const TIMES = 20_000;
  const segment = scratchSegment(t, 4 << 20, (made) => MetricRegistry.create(made).close());
  const registry = openRegistry(t, segment);
  const children = [1, 2, 3, 4].map((own) => Child.start(t, 'global-metrics', segment.name, own, METRICS, TIMES));
  for (const child of children) t.equal(await child.next(), 'ready');
  for (const child of children) child.go();
  for (const child of children) t.equal(await child.next(), 'done');
  for (const child of children) t.equal(await child.ended, 0);
  const entries = [...registry.entries()];
  t.equal(new Set(entries.map(({ name }) => name)).size, 2 * METRICS);
  t.equal(entries.length, 2 * METRICS);
  let [value, count, sum] = [0, 0, 0];
  for (const entry of entries) {
    if (entry.kind === 'counter') value += entry.value;
    else [count, sum] = [count + entry.count, sum + entry.sum];
  }
  t.equal(value, 4 * TIMES);
  t.equal(count, 4 * TIMES);
  t.equal(sum, ((4 * TIMES) / 4) * (0 + 1 + 2 + 3));
});

t.test('a distribution that is read during observations is that of one moment', async (t) => {
  const segment = scratchSegment(t, 1 << 20, (made) => MetricRegistry.create(made).close());
  const registry = openRegistry(t, segment);
  const child = Child.start(t, 'global-observer', segment.name);
  t.equal(await child.next(), 'ready');
  child.go();
  let last = 0;
  for (let reads = 0; reads < 20_000 || last === 0; reads++) {
    const entry = find(registry, 'ones');
    if (entry?.kind !== 'histogram') continue;
    // The observer pauses now and then, so that a consistent distribution can be read.
    if (entry.count !== entry.sum) t.fail(`${entry.count} observations of 1 have the sum ${entry.sum}`);
    if (entry.count < last) t.fail(`${entry.count} observations after ${last}`);
    last = entry.count;
  }
  t.ok(last > 0, `${last} observations`);
});

t.test('the counts of a killed process remain, and its blocks are used again', async (t) => {
  const segment = scratchSegment(t, 1 << 20, (made) => MetricRegistry.create(made).close());
  const registry = openRegistry(t, segment);
  let sure = 0;
  let used = 0;
  for (let round = 0; round < 5; round++) {
    const child = Child.start<number>(t, 'global-metrics-killed', segment.name);
    // Each message has the number of increments that have returned.
    let returned = 0;
    while (returned < 3_000) returned = await child.next();
    child.process.kill('SIGKILL');
    t.equal(await child.ended, 'SIGKILL');
    sure += returned;
    const [entry, distribution] = [find(registry, 'alive'), find(registry, 'observed')];
    if (entry?.kind !== 'counter' || distribution?.kind !== 'histogram') throw new Error('metric is missing');
    t.ok(entry.value >= sure, `${entry.value} counted, ${sure} known`);
    sure = entry.value;
    t.equal(distribution.count, distribution.sum);
    t.ok(Math.abs(distribution.count - entry.value) <= round + 1, 'one of the two may be missing after each death');
    if (round > 0) t.equal(registry.stats().used, used);
    used = registry.stats().used;
  }
});

t.test('a registry fits into a segment of any size', async (t) => {
  const { registry } = createRegistry(t, (1 << 20) + 5);
  registry.counter('any').increment();
  t.match(find(registry, 'any'), { value: 1 });
});
