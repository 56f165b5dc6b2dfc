export {
  type ByteLocks,
  Segment,
  type SegmentInfo,
  type SegmentOpenOptions,
  type SegmentOptions,
} from '../memory/index.js';
export { FixedPool, type FixedPoolOptions } from './fixed-pool.js';
export { GlobalPool, type GlobalPoolOptions } from './global-pool.js';
export type { MetricCounter } from './metric-counter.js';
export type { Distribution, MetricHistogram } from './metric-histogram.js';
export { MetricRegistry, type MetricRegistryOptions, type MetricValue } from './metric-registry.js';
export type { PoolMemory, PoolStats } from './pool-memory.js';
export { RingBuffer, type RingBufferOptions, type RingRecord } from './ring-buffer.js';
export type { RingMemory } from './ring-buffer-owners.js';
