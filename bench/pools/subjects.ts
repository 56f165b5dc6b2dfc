import type { PoolSubject } from './pool-subject.js';
import { ringBuffer } from './ring-buffer.js';

/** Every pool that `bench/pools.ts` measures. */
export const poolSubjects: readonly PoolSubject[] = [ringBuffer];
