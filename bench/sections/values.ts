/** Values of any length compared with other stores, and the memory that they take. */
import { type Figure, ratioFigure } from '../../src/bench/figure.js';
import { type Measurement, measureInterleaved } from '../../src/bench/interleaved.js';
import { orLeaveOut } from '../../src/bench/row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { Table } from '../../src/index.js';
import { SESSION_SIZES, sizeOf } from '../sample-sizes.js';
import { startRedis } from '../servers/redis-server.js';
import {
  openCopy,
  openFreshCopy,
  openLmdbValues,
  openRedisValues,
  openTextMap,
  openValueTable,
  SHMTABLE_VALUES,
  VALUE_OPERATIONS,
  type ValueOperation,
} from '../subjects/values.js';

/** Minimum speed of the table, as a multiple of the other store's. */
const TARGETS: Readonly<Record<string, Partial<Record<ValueOperation, number>>>> = {
  'Map of JSON text': { 'get session': 0.9, 'set session': 0.5 },
  lmdb: { 'get session': 1.5, 'set session': 8, 'get 4 KB text': 2 },
  'Redis by ioredis': { 'get session': 30, 'set session': 30 },
  'Buffer.copy': { 'get 64 KB blob': 0.5 },
};
/** Most of the operations are slow. */
const SHARE_OF_SLICE = 1 / 40;
/** Sessions whose memory is counted, and the most bytes that each byte of them may take. */
const SESSIONS = 20_000;
const MAX_OVERHEAD = 1.6;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const leftOut: string[] = [];
  const redis = await startRedis().catch((error: Error) => {
    leftOut.push(`Redis: ${error.message}`);
    return undefined;
  });
  try {
    const others = [openTextMap, openCopy, openFreshCopy, orLeaveOut('lmdb', openLmdbValues, leftOut)];
    const redisValues = redis === undefined ? [] : [openRedisValues(redis.socket)];
    const measured = await measureInterleaved<ValueOperation>([openValueTable, ...others, ...redisValues], {
      operations: VALUE_OPERATIONS,
      keys: rowsFor(effort, rows),
      rounds: effort.rounds,
      sliceOperations: Math.max(1, Math.round(effort.sliceOperations * SHARE_OF_SLICE)),
    });
    return { figures: [...VALUE_OPERATIONS.flatMap((operation) => figuresOf(operation, measured)), memory()], leftOut };
  } finally {
    await redis?.stop();
  }
}

function figuresOf(operation: ValueOperation, measured: readonly Measurement<ValueOperation>[]): Figure[] {
  const all = measured.filter((each) => each.operation === operation);
  const ours = all.find(({ subject }) => subject === SHMTABLE_VALUES);
  if (ours === undefined) return [];
  return all
    .filter((theirs) => theirs !== ours)
    .map((theirs) => {
      const atLeast = TARGETS[theirs.subject]?.[operation];
      return ratioFigure(operation, ours, theirs, atLeast === undefined ? {} : { target: { atLeast } });
    });
}

/** Bytes of a table that is full of sessions, for each byte of their JSON. */
function memory(): Figure {
  const sizes = Array.from({ length: SESSIONS }, (_, number) => sizeOf(number, SESSION_SIZES));
  const payload = sizes.reduce((sum, size) => sum + size, 0);
  const [inline, blockBytes] = [32, 64];
  const blocks = sizes.filter((size) => size > inline).reduce((sum, size) => sum + Math.ceil(size / blockBytes), 0);
  const { total } = Table.bytesFor({
    name: 'sessions',
    capacity: SESSIONS,
    maxKeyBytes: 32,
    columns: { session: `json(${inline})` },
    heap: { bytes: blocks * blockBytes, blockBytes },
  });
  return {
    what: `memory of ${SESSIONS.toLocaleString('en')} sessions of ${Math.round(payload / SESSIONS)} bytes on average, everything included`,
    comparedWith: 'their bytes',
    unit: 'x',
    value: spreadOf([total / payload]),
    target: { below: MAX_OVERHEAD },
  };
}
