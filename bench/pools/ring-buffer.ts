import { RingBuffer } from '../../src/pools/index.js';
import type { PoolSubject } from './pool-subject.js';

const RING_BYTES = 1 << 20;
const RECORD_BYTES = 100;

/** A record allocated, completed and freed: what a producer and its consumer do, without what they put into it. */
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
        // The other process may be off the processor with an unfinished record, and the ring full behind that.
        while (offset === 0) offset = ring.alloc(RECORD_BYTES);
        ring.commit(offset);
        ring.free(offset);
      }
    };
  },
};
