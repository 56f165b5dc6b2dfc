import assert from 'node:assert/strict';
import type { GlobalPool, Segment } from '../../../src/pools/index.js';
import type { Subject } from '../subject.js';
import type { PoolScene } from './kill-pool.js';

const PAGE_BYTES = 64;
const PAGES = 4;
const BYTES = 64 + PAGES * PAGE_BYTES;
const NO_POOL = 'no pool';

/** An operation on a pool of four pages, after some allocations. */
interface GlobalPoolOperation {
  readonly name: string;
  readonly before?: readonly number[];
  readonly run: (pool: GlobalPool, segment: Segment) => unknown;
  readonly storesNothing?: boolean;
  readonly between?: readonly string[];
}

const operations: GlobalPoolOperation[] = [
  { name: 'the first alloc', run: (pool) => pool.alloc(24) },
  { name: 'alloc in the next page', before: [40], run: (pool) => pool.alloc(40) },
  { name: 'alloc of the last bytes', before: [64, 64, 64, 56], run: (pool) => pool.alloc(8) },
  { name: 'alloc in a full pool', before: [64, 64, 64, 56], run: (pool) => pool.alloc(16), storesNothing: true },
  { name: 'stats', before: [8], run: (pool) => pool.stats(), storesNothing: true },
  { name: 'destroy', before: [8], run: (pool) => pool.destroy() },
];

/** Every operation of a GlobalPool, to be killed. */
export function globalPoolScenes(subject: Subject): PoolScene[] {
  const { GlobalPool } = subject;
  return [
    ...operations.map((operation) => globalPoolScene(subject, operation)),
    globalPoolScene(subject, {
      name: 'create over an empty pool',
      run: (_, segment) => GlobalPool.create(segment, { pageBytes: PAGE_BYTES }),
    }),
    globalPoolScene(subject, { name: 'open', run: (_, segment) => GlobalPool.open(segment), storesNothing: true }),
  ];
}

function globalPoolScene({ GlobalPool }: Subject, operation: GlobalPoolOperation): PoolScene {
  let segment: Segment;
  const look = (): string => {
    try {
      return JSON.stringify(GlobalPool.open(segment).stats());
    } catch (error) {
      if (error instanceof Error && error.message.includes('there is no GlobalPool')) return NO_POOL;
      throw error;
    }
  };
  return {
    name: `global: ${operation.name}`,
    bytes: BYTES,
    victim: {
      begin: (memory) => {
        const pool = GlobalPool.open(memory);
        return () => operation.run(pool, memory);
      },
    },
    // There is nothing to recover: others continue, whether or not the dead process's allocation took effect.
    recoveries: [],
    storesNothing: operation.storesNothing,
    between: operation.between,
    prepare: (memory) => {
      segment = memory;
      const pool = GlobalPool.create(segment, { pageBytes: PAGE_BYTES });
      for (const bytes of operation.before ?? []) assert.notEqual(pool.alloc(bytes), 0);
    },
    look,
    check: () => {
      if (look() === NO_POOL) GlobalPool.create(segment, { pageBytes: PAGE_BYTES });
      const pool = GlobalPool.open(segment);
      const { total, used, spare } = pool.stats();
      assert.equal(total, PAGES * PAGE_BYTES);
      const bytes = new Uint8Array(segment.buffer);
      for (let at = 0; at < spare; at += 8) {
        const offset = pool.alloc(8);
        assert.equal(offset, 64 + used + at, 'spare memory is allocated exactly once');
        assert(
          bytes.subarray(offset, offset + 8).every((byte) => byte === 0),
          'zero',
        );
      }
      assert.equal(pool.alloc(1), 0);
    },
    end: () => {},
  };
}
