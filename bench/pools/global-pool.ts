import { GlobalPool } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const BYTES = 60 << 20;
const REQUEST_BYTES = 8;

/** A piece taken for ever. */
export const globalPool: PoolSubject = {
  name: `GlobalPool, alloc of ${REQUEST_BYTES} B`,
  bytes: BYTES,
  create(segment) {
    GlobalPool.create(segment, { pageBytes: 4096 });
  },
  open(segment) {
    const pool = GlobalPool.open(segment);
    return (operations) => {
      for (let i = 0; i < operations; i++) {
        if (pool.alloc(REQUEST_BYTES) !== 0) continue;
        throw new Error(`${BYTES} bytes are too few for so many rounds of ${operations} operations`);
      }
    };
  },
};
