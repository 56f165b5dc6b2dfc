/**
 * `node-shared-cache-x`: a native cache in shared memory, used as an object. It can increment only whole values, so a
 * column of a row is read, changed and written back.
 */
import { rmSync } from 'node:fs';
import { beforeEnd } from '../../src/bench/before-end.js';
import { type BenchRow, type OpenRowSubject, rowOf } from '../../src/bench/row-subject.js';
import { requireCompetitor } from '../competitor-packages.js';

type Cache = Record<string, BenchRow | undefined>;

interface Package {
  readonly Cache: new (name: string, bytes: number, blockSize: number) => Cache;
  /** Blocks of 256 bytes, one of which holds a row. */
  readonly SIZE_256: number;
  /** Reads without changing the order of eviction. */
  fastGet(cache: Cache, key: string): BenchRow | undefined;
  release(name: string): void;
}

/** Twice as many blocks as rows, because it evicts when they run out. */
const BYTES_PER_ROW = 512;
const OTHER_BYTES = 1 << 20;

export const openSharedCache: OpenRowSubject = (keys) => {
  const { Cache, SIZE_256, fastGet, release }: Package = requireCompetitor('node-shared-cache-x');
  const name = `shmtable-bench-${process.pid}`;
  const cache = new Cache(name, BYTES_PER_ROW * keys.length + OTHER_BYTES, SIZE_256);
  const close = beforeEnd(() => {
    release(name);
    // Its lock is a separate object, which the package does not document.
    rmSync(`/dev/shm/${name}.lock`, { force: true });
  });
  const under = (key: string): BenchRow => {
    const row = fastGet(cache, key);
    if (row === undefined) throw new Error(`the cache does not contain the row ${key}`);
    return row;
  };
  keys.forEach((key, i) => {
    cache[key] = rowOf(i);
  });
  return {
    name: 'node-shared-cache-x',
    slices: {
      'get column': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) sum += under(keys[i]).count;
        return sum;
      },
      'get row': (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          const { count, label } = under(keys[i]);
          sum += count + label.length;
        }
        return sum;
      },
      'missing key': (keys) => {
        let found = 0;
        for (let i = 0; i < keys.length; i++) if (fastGet(cache, keys[i]) !== undefined) found++;
        return found;
      },
      set: (keys) => {
        for (let i = 0; i < keys.length; i++) cache[keys[i]] = rowOf(i);
        return keys.length;
      },
      increment: (keys) => {
        let sum = 0;
        for (let i = 0; i < keys.length; i++) {
          const row = under(keys[i]);
          sum += ++row.count;
          cache[keys[i]] = row;
        }
        return sum;
      },
      'delete + insert': (keys) => {
        let removed = 0;
        for (let i = 0; i < keys.length; i++) {
          if (delete cache[keys[i]]) removed++;
          cache[keys[i]] = rowOf(i);
        }
        return removed;
      },
    },
    close,
  };
};
