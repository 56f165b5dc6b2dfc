import type { Test } from 'tap';
import { Segment } from '../../src/pools/index.js';

let made = 0;

/** A segment that is removed when the test ends. */
export function scratchSegment(t: Test, size: number, initialise?: (segment: Segment) => void): Segment {
  const segment = Segment.create({ name: `shmtable-test-pool-${process.pid}-${++made}`, size }, initialise);
  t.teardown(() => {
    segment.unlink();
    segment.close();
  });
  return segment;
}
