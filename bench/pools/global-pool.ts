import { GlobalPool, type Segment } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const BYTES = 40 << 20;
const REQUEST_BYTES = 8;

function begin(segment: Segment): void {
  GlobalPool.create(segment, { pageBytes: 4096 });
}

/** Allocates a piece, which is never freed. */
export const globalPool: PoolSubject = {
  name: `GlobalPool, alloc of ${REQUEST_BYTES} B`,
  bytes: BYTES,
  times: 10,
  create: begin,
  renew: begin,
  open(segment) {
    const pool = GlobalPool.open(segment);
    return (operations) => {
      for (let i = 0; i < operations; i++) {
        if (pool.alloc(REQUEST_BYTES) !== 0) continue;
        throw new Error(`${BYTES} bytes are too few for ${operations} operations of two processes`);
      }
    };
  },
};
