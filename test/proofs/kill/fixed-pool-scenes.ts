import assert from 'node:assert/strict';
import type { FixedPool, Segment } from '../../../src/pools/index.js';
import type { Subject } from '../subject.js';
import type { PoolOperation, PoolScene } from './kill-pool.js';

/** Enough for a third level of hints: 1,024 slices fill one word of the second. */
const SLICES = 1_030;
const SLICE_BYTES = 8;
const VICTIM = 7;
const OTHER = 8;
const NO_POOL = 'no pool';

/** An operation on a pool, and the state of the pool's slices before it: by default all free. */
interface FixedPoolOperation {
  readonly name: string;
  readonly slices?: number;
  readonly prepare?: (pool: FixedPool) => void;
  readonly run: (pool: FixedPool, segment: Segment) => unknown;
  readonly storesNothing?: boolean;
  /** The victim's slices, which others may see freed one by one. */
  readonly settled?: readonly number[];
}

function take(pool: FixedPool, count: number, owner = OTHER): void {
  for (let i = 0; i < count; i++) assert.notEqual(pool.claim(owner), 0);
}

function payload(pool: FixedPool, slice: number): number {
  return pool.sliceOffset(slice) + 8;
}

const operations: FixedPoolOperation[] = [
  { name: 'alloc', run: (pool) => pool.alloc(8, VICTIM) },
  { name: 'alloc of the last of 32', prepare: (pool) => take(pool, 31), run: (pool) => pool.alloc(8, VICTIM) },
  {
    name: 'alloc of the last of 1,024',
    prepare: (pool) => take(pool, 1_023),
    run: (pool) => pool.alloc(8, VICTIM),
  },
  { name: 'alloc of the last slice', prepare: (pool) => take(pool, SLICES - 1), run: (pool) => pool.alloc(8, VICTIM) },
  { name: 'alloc of the only slice', slices: 1, run: (pool) => pool.alloc(8, VICTIM) },
  {
    name: 'alloc in a full pool',
    prepare: (pool) => take(pool, SLICES),
    run: (pool) => pool.alloc(8, VICTIM),
    storesNothing: true,
  },
  { name: 'free', prepare: (pool) => take(pool, 3), run: (pool) => pool.free(payload(pool, 2)) },
  { name: 'free one of 32', prepare: (pool) => take(pool, 40), run: (pool) => pool.free(payload(pool, 9)) },
  { name: 'free one of all', prepare: (pool) => take(pool, SLICES), run: (pool) => pool.free(payload(pool, 500)) },
  { name: 'free the last one', prepare: (pool) => take(pool, SLICES), run: (pool) => pool.free(payload(pool, SLICES)) },
  { name: 'link', prepare: (pool) => take(pool, 1, VICTIM), run: (pool) => pool.link(payload(pool, 1)) },
  {
    name: 'settle',
    prepare: (pool) => [take(pool, 2), take(pool, 3, VICTIM), pool.link(payload(pool, 4)), take(pool, 30)],
    run: (pool) => pool.settle(VICTIM),
    settled: [3, 5],
  },
  {
    name: 'settle when no other slices are unlinked',
    prepare: (pool) => [take(pool, SLICES - 1), take(pool, 1, VICTIM)],
    run: (pool) => pool.settle(VICTIM),
  },
  { name: 'stats', prepare: (pool) => take(pool, 3), run: (pool) => pool.stats(), storesNothing: true },
  { name: 'destroy', prepare: (pool) => take(pool, 3), run: (pool) => pool.destroy() },
];

/** Every operation of a FixedPool, to be killed. */
export function fixedPoolScenes(subject: Subject): PoolScene[] {
  const { FixedPool } = subject;
  return [
    ...operations.map((operation) => fixedPoolScene(subject, operation)),
    fixedPoolScene(subject, {
      name: 'create over an empty pool',
      run: (_, segment) => FixedPool.create(segment, { slices: SLICES, sliceBytes: SLICE_BYTES }),
    }),
    fixedPoolScene(subject, {
      name: 'open',
      run: (_, segment) => FixedPool.open(segment),
      storesNothing: true,
    }),
  ];
}

function fixedPoolScene({ FixedPool }: Subject, operation: FixedPoolOperation): PoolScene {
  const { slices = SLICES, settled = [] } = operation;
  let segment: Segment;
  const look = (): string => {
    try {
      const pool = FixedPool.open(segment);
      return Array.from({ length: slices }, (_, i) => pool.ownerOf(i + 1)).join(' ');
    } catch (error) {
      if (error instanceof Error && error.message.includes('there is no FixedPool')) return NO_POOL;
      throw error;
    }
  };
  const between: string[] = [];
  const recovery = (name: string, run: (pool: FixedPool) => unknown): PoolOperation & { name: string } => ({
    name,
    begin: (memory) => {
      const pool = look() === NO_POOL ? undefined : FixedPool.open(memory);
      return () => pool && run(pool);
    },
  });
  return {
    name: `fixed: ${operation.name}`,
    bytes: FixedPool.bytesFor(slices, SLICE_BYTES),
    victim: {
      begin: (memory) => {
        const pool = FixedPool.open(memory);
        return () => operation.run(pool, memory);
      },
    },
    recoveries: [recovery('settle', (pool) => pool.settle(VICTIM)), recovery('alloc', (pool) => pool.alloc(8, VICTIM))],
    storesNothing: operation.storesNothing,
    between,
    prepare: (memory) => {
      segment = memory;
      const pool = FixedPool.create(segment, { slices, sliceBytes: SLICE_BYTES });
      operation.prepare?.(pool);
      const owners = look().split(' ');
      for (const slice of settled) {
        owners[slice - 1] = '0';
        between.push(owners.join(' '));
      }
    },
    look,
    check: () => {
      if (look() === NO_POOL) FixedPool.create(segment, { slices, sliceBytes: SLICE_BYTES });
      checkUse(FixedPool.open(segment));
    },
    end: () => {},
  };
}

/** After settle, every slice can be allocated exactly once, and freed. */
function checkUse(pool: FixedPool): void {
  pool.settle(VICTIM);
  assert.deepEqual([...pool.problems()], []);
  const held: number[] = [];
  for (let slice = 1; slice <= pool.slices; slice++) {
    assert.notEqual(pool.ownerOf(slice), VICTIM);
    if (pool.ownerOf(slice) !== 0) held.push(slice);
  }
  assert.equal(pool.stats().used, held.length);
  const taken = new Set(held);
  for (let slice = pool.claim(OTHER); slice !== 0; slice = pool.claim(OTHER)) {
    assert(!taken.has(slice), `slice ${slice} was allocated twice`);
    taken.add(slice);
  }
  assert.equal(taken.size, pool.slices, 'slices that can be allocated');
  assert.deepEqual([...pool.problems()], []);
  for (const slice of taken) pool.free(payload(pool, slice));
  assert.deepEqual(pool.stats(), { total: pool.slices, used: 0, spare: pool.slices });
  assert.deepEqual([...pool.problems()], []);
}
