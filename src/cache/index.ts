export { Cache, type CacheStats } from './cache.js';
export type { CacheLookup, CacheOptions, CacheSetOptions, LoadOptions } from './cache-options.js';
export type { Codec } from './codec.js';
