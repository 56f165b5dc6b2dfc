/** The table compared with stores that run within the process: other shared memory, and files. */
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { LMDB_ASYNC, LMDB_SYNC, openLmdb, openLmdbAsynchronous } from '../subjects/lmdb.js';
import { openRawArray } from '../subjects/raw-array.js';
import { openSharedCache } from '../subjects/shared-cache.js';
import { openSqlite } from '../subjects/sqlite.js';
import { type Competitor, compareWith } from './comparison.js';

const lmdbWriting = { set: 8, increment: 15 };

const COMPETITORS: readonly Competitor[] = [
  { name: 'typed array', open: openRawArray },
  { name: LMDB_SYNC, open: openLmdb, targets: { 'get row': 2.5, ...lmdbWriting } },
  { name: LMDB_ASYNC, open: openLmdbAsynchronous, targets: lmdbWriting },
  { name: 'better-sqlite3', open: openSqlite },
  { name: 'node-shared-cache-x', open: openSharedCache },
];

/** The slowest takes some microseconds per operation. */
const SHARE_OF_SLICE = 1 / 4;

export function run(effort: Effort, rows: number): Promise<SectionResult> {
  return compareWith(COMPETITORS, effort, rowsFor(effort, rows), effort.sliceOperations * SHARE_OF_SLICE);
}
