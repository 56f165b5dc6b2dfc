import { fixedPool } from './fixed-pool.js';
import { globalPool } from './global-pool.js';
import { metricCounter, metricHistogram } from './metric-registry.js';
import type { PoolSubject } from './pool-subject.js';
import { ringBuffer } from './ring-buffer.js';

/** Every pool that `bench/pools.ts` measures. */
export const poolSubjects: readonly PoolSubject[] = [fixedPool, ringBuffer, globalPool, metricCounter, metricHistogram];
