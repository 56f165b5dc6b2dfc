import { RingBuffer } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const RING_BYTES = 1 << 20;
const RECORD_BYTES = 100;

/** Allocates, commits and frees a record: what a producer and its consumer do, without the payload. */
export const ringBuffer: PoolSubject = {
  name: `RingBuffer, alloc + commit + free of ${RECORD_BYTES} B`,
  bytes: RingBuffer.bytesFor(RING_BYTES),
  create(segment) {
    RingBuffer.create(segment, { bytes: RING_BYTES }).close();
  },
  open(segment) {
    const ring = RingBuffer.open(segment);
    return (operations) => {
      for (let i = 0; i < operations; i++) {
        let offset = ring.alloc(RECORD_BYTES);
        // The other process may be preempted with an unfinished record, behind which the ring is full.
        while (offset === 0) offset = ring.alloc(RECORD_BYTES);
        ring.commit(offset);
        ring.free(offset);
      }
    };
  },
};
