import assert from 'node:assert/strict';
import type { MetricRegistry, Segment } from '../../../src/pools/index.js';
import type { Subject } from '../subject.js';
import type { PoolScene } from './kill-pool.js';
import { Picture } from './proof-table.js';

const BYTES = 8_192;
const BOUNDS = [1, 2, 5];
const NO_REGISTRY = 'no registry';

/**
 * An operation on a registry with a counter `old` and a histogram `sizes`, in which a surviving handle and a dead one
 * have counted.
 */
interface MetricOperation {
  readonly name: string;
  /** The registry is empty. */
  readonly isEmpty?: boolean;
  /**
   * Runs completely in the process to be killed. By default it finds both metrics, and takes over the blocks of the
   * dead handle.
   */
  readonly begin?: (registry: MetricRegistry) => unknown;
  readonly run: (registry: MetricRegistry, segment: Segment) => unknown;
  readonly storesNothing?: boolean;
  readonly mayVanish?: boolean;
  /** Intermediate states that may be seen: the operation up to each of these steps. */
  readonly steps?: readonly ((registry: MetricRegistry) => unknown)[];
}

const operations: MetricOperation[] = [
  {
    name: 'the first counter',
    isEmpty: true,
    begin: () => {},
    run: (registry) => registry.counter('new').increment(3),
    steps: [(registry) => registry.counter('new')],
  },
  {
    name: 'another counter',
    run: (registry) => registry.counter('new').increment(3),
    steps: [(registry) => registry.counter('new')],
  },
  {
    name: 'another histogram',
    run: (registry) => registry.histogram('new', BOUNDS).observe(2),
    steps: [(registry) => registry.histogram('new', BOUNDS)],
  },
  {
    name: 'a first count in the block of a dead handle',
    begin: () => {},
    run: (registry) => registry.counter('old').increment(3),
  },
  {
    name: 'a first observation in the block of a dead handle',
    begin: () => {},
    run: (registry) => registry.histogram('sizes', BOUNDS).observe(4),
  },
  { name: 'increment', run: (registry) => registry.counter('old').increment(0.5) },
  { name: 'observe', run: (registry) => registry.histogram('sizes', BOUNDS).observe(4) },
  { name: 'observe beyond all bounds', run: (registry) => registry.histogram('sizes', BOUNDS).observe(400) },
  { name: 'entries and stats', run: (registry) => [[...registry.entries()], registry.stats()], storesNothing: true },
  { name: 'close', run: (registry) => registry.close(), storesNothing: true },
  { name: 'destroy', run: (registry) => registry.destroy() },
];

/** Every operation of a MetricRegistry, to be killed. */
export function metricScenes(subject: Subject): PoolScene[] {
  const { MetricRegistry } = subject;
  return [
    ...operations.map((operation) => metricScene(subject, operation)),
    metricScene(subject, {
      name: 'create over an empty registry',
      isEmpty: true,
      begin: () => {},
      run: (_, segment) => MetricRegistry.create(segment),
      mayVanish: true,
    }),
    metricScene(subject, {
      name: 'the first count of a new handle',
      begin: () => {},
      run: (registry, segment) => {
        // Takes over the dead handle's blocks.
        find(MetricRegistry.open(segment));
        registry.counter('old').increment(3);
      },
    }),
    metricScene(subject, {
      name: 'open',
      begin: () => {},
      run: (_, segment) => MetricRegistry.open(segment),
      storesNothing: true,
    }),
  ];
}

function metricScene({ MetricRegistry }: Subject, operation: MetricOperation): PoolScene {
  const { begin = find } = operation;
  let segment: Segment;
  /** Has the number of the first writer. */
  let survivor: MetricRegistry;
  const between = operation.mayVanish ? [NO_REGISTRY] : [];
  // Through a new handle each time, because this memory is reset to earlier states, and handles keep state.
  const read = (): string => {
    const registry = MetricRegistry.open(segment);
    const text = JSON.stringify([...registry.entries()]);
    registry.close();
    return text;
  };
  const look = (): string => {
    try {
      return read();
    } catch (error) {
      if (error instanceof Error && /there is no (MetricRegistry|GlobalPool)/.test(error.message)) return NO_REGISTRY;
      throw error;
    }
  };
  const recovery = (name: string, run: (registry: MetricRegistry) => unknown) => ({
    name,
    begin: (memory: Segment) => {
      const registry = look() === NO_REGISTRY ? undefined : MetricRegistry.open(memory);
      return () => registry && run(registry);
    },
  });
  return {
    name: `metrics: ${operation.name}`,
    bytes: BYTES,
    victim: {
      begin: (memory) => {
        const registry = MetricRegistry.open(memory);
        begin(registry);
        return () => operation.run(registry, memory);
      },
    },
    recoveries: [
      recovery('counting in its block', (registry) => registry.counter('old')),
      recovery('observing in its block', (registry) => registry.histogram('sizes', BOUNDS)),
      recovery('creating the same metric', (registry) => registry.counter('new else')),
    ],
    storesNothing: operation.storesNothing,
    between,
    prepare: (memory) => {
      segment = memory;
      survivor = MetricRegistry.create(segment);
      if (!operation.isEmpty) {
        count(survivor);
        const ghost = MetricRegistry.open(segment);
        count(ghost);
        ghost.close();
      }
      const start = new Picture(segment.buffer);
      for (const step of operation.steps ?? []) {
        const registry = MetricRegistry.open(segment);
        step(registry);
        between.push(look());
        registry.close();
      }
      start.restore();
    },
    look,
    check: () => {
      if (look() === NO_REGISTRY) MetricRegistry.create(segment).close();
      checkUse(() => MetricRegistry.open(segment), read);
    },
    end: () => survivor?.close(),
  };
}

function find(registry: MetricRegistry): void {
  registry.counter('old');
  registry.histogram('sizes', BOUNDS);
}

function count(registry: MetricRegistry): void {
  registry.counter('old').increment(2);
  registry.histogram('sizes', BOUNDS).observe(1);
}

/** All handles, including the successor of the dead one, continue to count from exactly the previous values. */
function checkUse(open: () => MetricRegistry, read: () => string): void {
  const [first, heir] = [open(), open()];
  try {
    const before = read();
    for (const registry of [first, heir]) {
      for (const entry of registry.entries()) {
        if (entry.kind === 'counter') registry.counter(entry.name).increment(0);
        else registry.histogram(entry.name, entry.bounds);
      }
    }
    assert.equal(read(), before, 'taking over blocks counts nothing');
    const expected = new Map([...heir.entries()].map((entry) => [entry.name, totalOf(entry)]));
    assert.equal(expected.size, [...heir.entries()].length, 'each name has one entry');
    for (const registry of [first, heir]) {
      for (const entry of registry.entries()) {
        if (entry.kind === 'counter') registry.counter(entry.name).increment();
        else registry.histogram(entry.name, entry.bounds).observe(100);
        expected.set(entry.name, (expected.get(entry.name) ?? 0) + (entry.kind === 'counter' ? 1 : 1_000_100));
      }
    }
    for (const registry of [first, heir]) {
      for (const name of ['one', 'two', 'three']) registry.counter(`${name} more`).increment();
    }
    for (const entry of heir.entries()) {
      assert.equal(totalOf(entry), expected.get(entry.name) ?? 2, entry.name);
    }
  } finally {
    first.close();
    heir.close();
  }
}

/** Both the count and the sum of a histogram, in one number. */
function totalOf(entry: ReturnType<MetricRegistry['entries']> extends Iterable<infer E> ? E : never): number {
  return entry.kind === 'counter' ? entry.value : entry.count * 1_000_000 + entry.sum;
}
