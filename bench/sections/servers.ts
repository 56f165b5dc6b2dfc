/**
 * The table compared with servers that keep rows for several processes, with one key and with a hundred keys at a time.
 */
import type { OpenRowSubject } from '../../src/bench/row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { type RedisServer, startRedis } from '../servers/redis-server.js';
import { openMemcached } from '../subjects/memcached.js';
import { connectIoredis, connectNodeRedis } from '../subjects/redis-clients.js';
import { type RedisClient, redisRows } from '../subjects/redis-rows.js';
import { type Competitor, compareWith } from './comparison.js';

const PIPELINE = 100;
/** They take tens of microseconds per operation. */
const SHARE_OF_SLICE = 1 / 40;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const sliceOperations = effort.sliceOperations * SHARE_OF_SLICE;
  const leftOut: string[] = [];
  const redis = await startRedis().catch((error: Error) => {
    leftOut.push(`Redis: ${error.message}`);
    return undefined;
  });
  try {
    const competitors = [
      ...(redis === undefined ? [] : redisCompetitors(redis)),
      { name: 'memcached', open: openMemcached },
    ];
    const measured = await compareWith(competitors, effort, rowsFor(effort, rows), sliceOperations);
    return { figures: measured.figures, leftOut: [...leftOut, ...(measured.leftOut ?? [])] };
  } finally {
    await redis?.stop();
  }
}

function redisCompetitors({ socket }: RedisServer): Competitor[] {
  const clients: [string, () => RedisClient | Promise<RedisClient>][] = [
    ['ioredis', () => connectIoredis(socket)],
    ['redis', () => connectNodeRedis(socket)],
  ];
  return clients.flatMap(([name, connect]) =>
    [1, PIPELINE].map((batch) => {
      const label = batch === 1 ? `Redis by ${name}` : `Redis by ${name}, ${batch} at a time`;
      const open: OpenRowSubject = async (keys) => redisRows(label, await connect(), batch, `${name}-${batch}:`, keys);
      return { name: label, open };
    }),
  );
}
