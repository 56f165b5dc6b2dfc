export { Segment } from '../memory/index.js';
export { FixedPool, type FixedPoolOptions, type PoolStats } from './fixed-pool.js';
