import { FixedPool } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const SLICES = 100_000;
const SLICE_BYTES = 128;

/** Allocates and frees a slice. */
export const fixedPool: PoolSubject = {
  name: `FixedPool, alloc + free of ${SLICE_BYTES} B`,
  bytes: FixedPool.bytesFor(SLICES, SLICE_BYTES),
  create(segment) {
    FixedPool.create(segment, { slices: SLICES, sliceBytes: SLICE_BYTES });
  },
  open(segment) {
    const pool = FixedPool.open(segment);
    return (operations) => {
      for (let i = 0; i < operations; i++) pool.free(pool.alloc());
    };
  },
};
