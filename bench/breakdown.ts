/**
 * How the time of a get and a set is spent: `node dist/bench/breakdown.js [--keys 1000,100000] [--seconds 4]`.
 *
 * A sampling profiler reports the function at each tick, including inlined ones, and the time of an operation is
 * divided among the purposes of its functions. What grows with the number of keys is memory latency.
 */
import { Session } from 'node:inspector/promises';
import { parseArgs } from 'node:util';
import { freshKey, randomNumbers } from '../src/bench/fresh-keys.js';
import { Table } from '../src/index.js';

const OPERATIONS_AT_ONCE = 20_000;
const WARM_UP = 40;
const SAMPLE_MICROSECONDS = 100;

const VALUES_WRITTEN = "row's values checked and written to the spare";

/** The purpose of functions, by name; the first matching pattern counts. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/^(encode|halfSipHash|finishHash|#encodeWide)$/, 'key: its bytes and their hash'],
  [/^(lookup|find|look|fitting|positionOf|isKeyOf|rowWord)$/, 'bucket and row: tags and key compared'],
  [/^(begin|beginAtKey|intend|assertStackRoom|never)$/, 'lock: intent, stack check, compare-and-swap on the bucket'],
  [/^(release|end)$/, 'unlock: exchange'],
  [/^(writeString|writeShort|openSpare|beginRow)$/, VALUES_WRITTEN],
  [/^(read|readString|decode|decodeShort|count|score|label)$/, "row's values read"],
  [
    /^(fillSpare|writeKey|finishRow|complete|prepareVersion|prepareCounter|noteRevision|revision|commitSpare)$/,
    'spare and journal completed',
  ],
  [/^(commit|carryOut|advance|storeRelease|bucketWord|homeWord)$/, 'commit carried out'],
  [/garbage collector/, 'garbage collection'],
];

/** Two functions are called `write`: the codec's, and the writer's, which calls all the others. */
function causeOf(name: string, url: string): string {
  if (name === 'write' && url.includes('row-codec')) return VALUES_WRITTEN;
  return CAUSES.find(([pattern]) => pattern.test(name))?.[1] ?? 'calls and checks around it';
}

type Ticks = Map<string, number>;

async function profile(
  run: (keys: readonly string[]) => void,
  keys: number,
  seconds: number,
): Promise<[number, Ticks]> {
  const random = randomNumbers(7, keys);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  // Code that is compiled after this keeps its source positions.
  await session.post('Profiler.start');
  for (let i = 0; i < WARM_UP; i++) run(random(OPERATIONS_AT_ONCE).map(freshKey));
  await session.post('Profiler.stop');
  const ticks: Ticks = new Map();
  let [operations, microseconds] = [0, 0];
  while (microseconds < seconds * 1e6) {
    const batch = random(OPERATIONS_AT_ONCE).map(freshKey);
    await session.post('Profiler.start');
    // Processor time of this process, so that other load on the machine is not counted.
    const before = process.cpuUsage();
    for (let repeat = 0; repeat < 10; repeat++) run(batch);
    const { user, system } = process.cpuUsage(before);
    microseconds += user + system;
    operations += OPERATIONS_AT_ONCE * 10;
    const { profile } = await session.post('Profiler.stop');
    for (const { callFrame, hitCount = 0 } of profile.nodes) {
      const name = callFrame.functionName;
      if (name === '(program)' || name === '(idle)') continue;
      const cause = causeOf(name, callFrame.url);
      ticks.set(cause, (ticks.get(cause) ?? 0) + hitCount);
    }
  }
  session.disconnect();
  return [(microseconds * 1000) / operations, ticks];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { keys: { type: 'string', default: '1000,100000' }, seconds: { type: 'string', default: '4' } },
  });
  const results: Record<string, Record<string, string>> = {};
  for (const keys of values.keys.split(',').map(Number)) {
    const table = Table.create({
      name: `breakdown-${process.pid}`,
      backend: 'anonymous',
      capacity: keys,
      columns: { count: 'int32', score: 'float64', label: 'string(20)' },
    });
    const labels = Array.from({ length: 1000 }, (_, i) => `a label of number ${100 + i}`.slice(0, 20));
    const rowOf = (i: number): { count: number; score: number; label: string } => ({
      count: i,
      score: i / 2,
      label: labels[i % labels.length],
    });
    for (let i = 0; i < keys; i++) table.set(freshKey(i), rowOf(i));
    const operations = {
      get: (batch: readonly string[]): void => {
        for (const key of batch) table.get(key, 'count');
      },
      set: (batch: readonly string[]): void => {
        for (let i = 0; i < batch.length; i++) table.set(batch[i], rowOf(i));
      },
    };
    for (const [name, run] of Object.entries(operations)) {
      const [ns, ticks] = await profile(run, keys, Number(values.seconds));
      const total = [...ticks.values()].reduce((sum, count) => sum + count, 0);
      const column = `${name}, ${keys} keys`;
      for (const [cause, count] of [...ticks, ['in all', total] as const]) {
        results[cause] ??= {};
        results[cause][column] = `${((ns * count) / total).toFixed(0)} ns`;
      }
    }
    table.destroy();
  }
  console.table(results);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
