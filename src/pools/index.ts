export { Segment } from '../memory/index.js';
export { FixedPool, type FixedPoolOptions } from './fixed-pool.js';
export type { PoolMemory, PoolStats } from './pool-memory.js';
