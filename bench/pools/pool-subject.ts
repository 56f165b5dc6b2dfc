import type { Segment } from '../../src/pools/index.js';

/** One way to use a pool, measured in one process and in several at the same pool. */
export interface PoolSubject {
  /** What one operation is. */
  readonly name: string;
  /** Of the segment that has the pool. */
  readonly bytes: number;
  /** So many times the usual number of operations, where they are too quick for two processes to meet. */
  readonly times?: number;
  create(segment: Segment): void;
  /** Before each round, while nobody else works: gives back what is never freed. */
  renew?(segment: Segment): void;
  /** Returns what runs so many operations. */
  open(segment: Segment): (operations: number) => void;
}
