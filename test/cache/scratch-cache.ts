import type { Test } from 'tap';
import { Cache, type CacheOptions } from '../../src/cache/index.js';
import { hasCode } from '../../src/errors.js';

/** The namespace of this test process; its children inherit it and so open caches just by name. */
export const namespace = `test-${process.pid}`;
process.env.SHMTABLE_NAMESPACE = namespace;

let made = 0;

/** A cache that is removed when the test ends, whatever the test did with it. */
export function scratchCache<V = unknown>(t: Test, options: Partial<CacheOptions<V>> = {}): Cache<V> {
  const name = `cache-${++made}`;
  const cache = Cache.open<V>({ name, bytes: 4 * 2 ** 20, entries: 1_000, ...options });
  t.teardown(() => {
    cache.close();
    try {
      Cache.destroy(name);
    } catch (error) {
      if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
    }
  });
  return cache;
}
