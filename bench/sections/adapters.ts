/** One process: the adapters beside the same interfaces over a `Map`, over Redis on a Unix socket, and over nothing. */
import { type Figure, ratioFigure } from '../../src/bench/figure.js';
import { type Measurement, measureInterleaved, type OpenSubject } from '../../src/bench/interleaved.js';
import { orLeaveOut } from '../../src/bench/row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { startRedis } from '../servers/redis-server.js';
import {
  KEYV_OPERATIONS,
  LIMIT_OPERATIONS,
  MAP,
  NOTHING,
  openKeyvMap,
  openKeyvNothing,
  openKeyvRedis,
  openKeyvShmTable,
  openLimits,
  openMemoryLimits,
  openMemorySessions,
  openNoSessions,
  openRedisLimits,
  openRedisSessions,
  openSessions,
  REDIS,
  SESSION_OPERATIONS,
  SHMTABLE,
} from '../subjects/adapters.js';

/** Minimum speed of the adapter, as a multiple of the other store's. */
interface Targets {
  readonly [MAP]?: number;
  readonly [REDIS]?: number;
}

const KEYV_TARGETS: Targets = { [MAP]: 1 };
const SESSION_TARGETS: Targets = { [REDIS]: 15 };
const LIMIT_TARGETS: Targets = { [MAP]: 0.3, [REDIS]: 20 };
/** A request to Redis takes as long as many of the other operations. */
const SHARE_OF_SLICE = 1 / 40;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const leftOut: string[] = [];
  const figures: Figure[] = [];
  const redis = await startRedis().catch((error: Error) => {
    leftOut.push(`Redis: ${error.message}`);
    return undefined;
  });
  const measure = async <Operation extends string>(
    what: string,
    operations: readonly Operation[],
    targets: Targets,
    subjects: readonly OpenSubject<Operation>[],
    openRedis: (socket: string) => OpenSubject<Operation>,
  ): Promise<void> => {
    const overRedis = redis === undefined ? [] : [orLeaveOut(REDIS, openRedis(redis.socket), leftOut)];
    const measured = await measureInterleaved<Operation>([...subjects, ...overRedis], {
      operations,
      keys: rowsFor(effort, rows),
      rounds: effort.rounds,
      sliceOperations: Math.max(1, Math.round(effort.sliceOperations * SHARE_OF_SLICE)),
    });
    figures.push(
      ...operations.flatMap((operation) => figuresOf(`${what}: ${operation}`, operation, measured, targets)),
    );
  };
  try {
    const keyv = [openKeyvShmTable, openKeyvMap, openKeyvNothing];
    await measure('Keyv', KEYV_OPERATIONS, KEYV_TARGETS, keyv, openKeyvRedis);
    const sessions = [openSessions, openMemorySessions, openNoSessions];
    await measure('express-session', SESSION_OPERATIONS, SESSION_TARGETS, sessions, openRedisSessions);
    await measure('rate limit', LIMIT_OPERATIONS, LIMIT_TARGETS, [openLimits, openMemoryLimits], openRedisLimits);
    return { figures, leftOut };
  } finally {
    await redis?.stop();
  }
}

function figuresOf<Operation extends string>(
  what: string,
  operation: Operation,
  measured: readonly Measurement<Operation>[],
  targets: Targets,
): Figure[] {
  const all = measured.filter((each) => each.operation === operation);
  const ours = all.find(({ subject }) => subject === SHMTABLE);
  const map = all.find(({ subject }) => subject === MAP);
  const redis = all.find(({ subject }) => subject === REDIS);
  if (ours === undefined) return [];
  const figures = all
    .filter((theirs) => theirs !== ours)
    .map((theirs) => {
      const atLeast = theirs.subject === NOTHING ? undefined : targets[theirs.subject as keyof Targets];
      return ratioFigure(what, ours, theirs, atLeast === undefined ? {} : { target: { atLeast } });
    });
  // What the best possible store would reach.
  if (map !== undefined && redis !== undefined) figures.push(ratioFigure(`${what}, over a Map`, map, redis));
  return figures;
}
