/**
 * What a change feed costs a writer, and how soon a watcher in another process receives a change.
 *
 *   node --expose-gc dist/bench/feed.js [--rounds 21] [--operations 20000] [--changes 2000]
 *
 * Writes are measured in rounds, in each of which tables with and without a feed take turns; the ratio is the median
 * over the rounds. The time from commit to callback is measured by a second process, which runs this program too.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freshKeys, randomNumbers } from '../src/bench/fresh-keys.js';
import { type Spread, spreadOf } from '../src/bench/spread.js';
import { printTable } from '../src/cli/output.js';
import { Table } from '../src/index.js';

const ROWS = 100_000;
const FEED_BYTES = 1 << 24;
const WARM_UP_ROUNDS = 5;
/** Milliseconds between two changes whose latency is measured. */
const REST_MS = 2;

const columns = { at: 'float64' } as const;

function createTable(name: string, changes: number): Table<typeof columns> {
  return Table.create({ name: `bench-${process.pid}-${name}`, capacity: ROWS, columns, changes });
}

/** Nanoseconds per `set` for each kind of table. */
async function costOfWriting(rounds: number, operations: number): Promise<Map<string, number[]>> {
  const tables = {
    'no feed': createTable('none', 0),
    feed: createTable('feed', FEED_BYTES),
    watched: createTable('watched', FEED_BYTES),
  };
  const changes = tables.watched.watch();
  const watching = (async () => {
    for await (const _ of changes);
  })();
  const times = new Map<string, number[]>(Object.keys(tables).map((kind) => [kind, []]));
  const random = randomNumbers(1, ROWS);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const numbers = random(operations);
    for (const [kind, table] of Object.entries(tables)) {
      const keys = freshKeys(numbers);
      globalThis.gc?.({ type: 'minor', execution: 'sync' });
      const start = process.hrtime.bigint();
      for (const key of keys) table.set(key, { at: 1 });
      const elapsedNs = Number(process.hrtime.bigint() - start);
      if (round >= 0) times.get(kind)?.push(elapsedNs / operations);
      await sleep(0);
    }
  }
  await changes.return?.();
  await watching;
  for (const table of Object.values(tables)) table.destroy();
  return times;
}

/** Milliseconds from commit to callback, in another process. */
async function latencies(count: number): Promise<number[]> {
  const table = createTable('latency', FEED_BYTES);
  const watcher = fork(fileURLToPath(import.meta.url), ['--watch', table.name, '--changes', String(count)]);
  const measured: number[] = [];
  watcher.on('message', (ms: number[] | 'ready') => {
    if (ms !== 'ready') measured.push(...ms);
  });
  await once(watcher, 'message');
  const ended = once(watcher, 'exit');
  for (let i = 0; i < count; i++) {
    table.set(`change-${i}`, { at: Number(process.hrtime.bigint()) });
    await sleep(REST_MS);
  }
  await ended;
  table.destroy();
  return measured;
}

/** The second process. */
async function watch(name: string, count: number): Promise<void> {
  const table = Table.open(name, { columns });
  const changes = table.watch();
  const measured: number[] = [];
  process.send?.('ready');
  for await (const change of changes) {
    const now = Number(process.hrtime.bigint());
    if (change.type !== 'gap') measured.push((now - (table.get(change.key, 'at') ?? now)) / 1e6);
    if (measured.length === count) break;
  }
  table.close();
  process.send?.(measured, () => process.disconnect());
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '21' },
      operations: { type: 'string', default: '20000' },
      changes: { type: 'string', default: '2000' },
      watch: { type: 'string' },
    },
  });
  if (values.watch !== undefined) return await watch(values.watch, Number(values.changes));
  const times = await costOfWriting(Number(values.rounds), Number(values.operations));
  const base = times.get('no feed') ?? [];
  printTable([
    ['SET', 'NS', 'TIMES NO FEED'],
    ...[...times].map(([kind, ns]) => [
      kind,
      spreadOf(ns).median.toFixed(0),
      spreadOf(ns.map((each, round) => each / base[round])).median.toFixed(2),
    ]),
  ]);
  const ms = await latencies(Number(values.changes));
  const { median, upperQuartile }: Spread = spreadOf(ms);
  const worst = [...ms].sort((a, b) => a - b)[Math.floor(ms.length * 0.99)];
  process.stdout.write(
    `\nfrom commit to callback in another process, ${ms.length} changes: median ${median.toFixed(3)} ms, ` +
      `upper quartile ${upperQuartile.toFixed(3)} ms, 99 of 100 within ${worst.toFixed(3)} ms\n`,
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
