/**
 * Rows as hashes in Redis. A client only sends commands, many at a time, and returns the replies unchanged, without the
 * additional cost of its convenience methods.
 */
import { type BenchRow, type RowSubject, rowOf } from '../../src/bench/row-subject.js';

export type Command = readonly [string, ...string[]];

export interface RedisClient {
  /** The replies, in the order of the commands. */
  send(commands: readonly Command[]): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

const FILLING_BATCH = 1_000;

/**
 * A subject with requests for up to `batch` keys in flight. `prefix` distinguishes its rows from those of other
 * subjects.
 */
export async function redisRows(
  name: string,
  client: RedisClient,
  batch: number,
  prefix: string,
  keys: readonly string[],
): Promise<RowSubject> {
  const set = (key: string, { count, score, label }: BenchRow): Command => [
    'HSET',
    prefix + key,
    'count',
    String(count),
    'score',
    String(score),
    'label',
    label,
  ];
  /** Sends the commands of every key and adds up the values of their replies. */
  const sum = async (
    keys: readonly string[],
    commands: (key: string, position: number) => Command[],
    value: (reply: unknown, command: number) => number,
    atOnce = batch,
  ): Promise<number> => {
    let total = 0;
    for (let i = 0; i < keys.length; i += atOnce) {
      const sent = keys.slice(i, i + atOnce).flatMap((key, j) => commands(key, i + j));
      const replies = await client.send(sent);
      for (let j = 0; j < replies.length; j++) total += value(replies[j], j);
    }
    return total;
  };
  await sum(keys, (key, i) => [set(key, rowOf(i))], Number, FILLING_BATCH);
  return {
    name,
    slices: {
      'get column': (keys) => sum(keys, (key) => [['HGET', prefix + key, 'count']], Number),
      'get row': (keys) => sum(keys, (key) => [['HGETALL', prefix + key]], sumOfRow),
      'missing key': (keys) => sum(keys, (key) => [['EXISTS', prefix + key]], Number),
      set: (keys) =>
        sum(
          keys,
          (key, i) => [set(key, rowOf(i))],
          () => 1,
        ),
      increment: (keys) => sum(keys, (key) => [['HINCRBY', prefix + key, 'count', '1']], Number),
      'delete + insert': (keys) =>
        sum(
          keys,
          (key, i) => [['DEL', prefix + key], set(key, rowOf(i))],
          (reply, command) => (command % 2 === 0 ? Number(reply) : 0),
        ),
    },
    close: () => client.close(),
  };
}

/** A reply to HGETALL is a list of names and values. */
function sumOfRow(reply: unknown): number {
  if (!Array.isArray(reply)) throw new Error(`Redis answered ${reply} where a row was expected`);
  const row = { count: Number(reply[1]), score: Number(reply[3]), label: String(reply[5]) };
  return row.count + row.label.length;
}
