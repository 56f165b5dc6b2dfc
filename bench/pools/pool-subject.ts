import type { Segment } from '../../src/pools/index.js';

/** One way to use a pool, measured in one process and in several that share the pool. */
export interface PoolSubject {
  /** Describes one operation. */
  readonly name: string;
  /** Size of the segment with the pool. */
  readonly bytes: number;
  /** Multiplies the usual number of operations if they are too quick for two processes to overlap. */
  readonly times?: number;
  create(segment: Segment): void;
  /** Called before each round, while no process works: recovers memory that is never freed. */
  renew?(segment: Segment): void;
  /** Returns a function that runs a number of operations. */
  open(segment: Segment): (operations: number) => void;
}
