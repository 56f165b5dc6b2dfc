/**
 * How a million rows that expire at once delay other work in the process that sweeps them.
 *
 *   node dist/bench/expiry.js [--rows 1000000]
 *
 * Reads and writes 1,000 other rows, with a turn of the event loop after every 50. Each operation is timed from the end
 * of the previous one, so a step of the sweeper counts for the operation that had to wait for it. Measured once with
 * rows that do not expire, and once, for the same time, with rows that all expire within one second.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freshKey } from '../src/bench/fresh-keys.js';
import { printTable } from '../src/cli/output.js';
import { Table } from '../src/index.js';

const columns = { n: 'int32', text: 'string(20)' } as const;
const OTHERS = 1_000;
const OPERATIONS_PER_TURN = 50;
/** From the first insert to the expiry, in milliseconds for each thousand rows. */
const MS_PER_THOUSAND = 8;

interface Run {
  readonly rows: string;
  readonly latency: RecordableHistogram;
  readonly seconds: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' } } });
  const rows = Number(values.rows);
  const expiring = await run(rows, true, Number.POSITIVE_INFINITY);
  const staying = await run(rows, false, expiring.seconds);
  printTable([
    [`${rows.toLocaleString('en')} ROWS`, 'SECONDS', 'OPERATIONS', 'MEDIAN US', 'P99', 'P99.9', 'MAX'],
    ...[staying, expiring].map(({ rows, latency, seconds }) => [
      rows,
      seconds.toFixed(2),
      latency.count.toLocaleString('en'),
      ...[50, 99, 99.9, 100].map((part) => (latency.percentile(part) / 1_000).toFixed(1)),
    ]),
  ]);
}

/** Measures from the moment of expiry until all rows are swept, or for this many seconds. */
async function run(rows: number, expire: boolean, maxSeconds: number): Promise<Run> {
  const table = Table.create({ name: `bench-${process.pid}`, backend: 'anonymous', capacity: rows + OTHERS, columns });
  try {
    for (let i = 0; i < OTHERS; i++) table.set(`other-${i}`, { n: i, text: 'other' });
    const end = performance.now() + 500 + (rows / 1_000) * MS_PER_THOUSAND;
    for (let i = 0; i < rows; i++) {
      const ttl = expire ? Math.max(1, Math.round(end - performance.now())) : null;
      table.insert(freshKey(i), { n: i, text: 'it goes' }, { ttl });
    }
    while (performance.now() < end) await turn();
    return await measure(table, rows, expire, maxSeconds);
  } finally {
    table.destroy();
  }
}

async function measure(table: Table<typeof columns>, rows: number, expire: boolean, maxSeconds: number): Promise<Run> {
  const latency = createHistogram();
  const start = performance.now();
  let before = start;
  for (let turns = 0; before - start < maxSeconds * 1_000; turns++) {
    for (let i = 0; i < OPERATIONS_PER_TURN; i++) {
      const key = `other-${(turns * OPERATIONS_PER_TURN + i) % OTHERS}`;
      if (i % 5 === 0) table.set(key, { n: i });
      else table.get(key);
      const now = performance.now();
      latency.record(Math.max(1, Math.round((now - before) * 1e6)));
      before = now;
    }
    await turn();
    if (expire && turns % 500 === 0) {
      if (table.stats().expirations === rows) break;
      before = performance.now();
    }
  }
  const seconds = (performance.now() - start) / 1_000;
  return { rows: expire ? 'all expire' : 'all stay', latency, seconds };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
