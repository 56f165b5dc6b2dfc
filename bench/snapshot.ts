/**
 * How long it takes to write a snapshot, and to restore a table from it.
 *
 *   node dist/bench/snapshot.js [--rows 1000000] [--rounds 3] [--folder DIR]
 *
 * Rows of an integer, a double and a string of 20 characters. The file is synced to disk; reading it comes from the
 * system's cache.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { freshKey } from '../src/bench/fresh-keys.js';
import { rowOf } from '../src/bench/row-subject.js';
import { spreadOf } from '../src/bench/spread.js';
import { printTable } from '../src/cli/output.js';
import { Table } from '../src/index.js';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  const rows = Number(values.rows);
  const rounds = Array.from({ length: Number(values.rounds) });
  const folder = mkdtempSync(join(values.folder, 'shmtable-bench-'));
  const path = join(folder, 'snapshot');
  const name = `bench-${process.pid}`;
  const table = Table.create({
    name,
    capacity: rows,
    columns: { count: 'int32', score: 'float64', label: 'string(20)' },
  });
  try {
    for (let i = 0; i < rows; i++) table.set(freshKey(i), rowOf(i));
    const [writing, reading]: number[][] = [[], []];
    for (const _ of rounds) {
      writing.push(await timeOf(() => table.snapshot(path)));
      reading.push(
        await timeOf(async () => {
          const restored = await Table.restore(path, { name: `${name}-restored` });
          if (restored.size !== rows) throw new Error(`${restored.size} of ${rows} rows were restored`);
          restored.destroy();
        }),
      );
    }
    const megabytes = statSync(path).size / 1e6;
    printTable([
      [`${rows.toLocaleString('en')} ROWS`, 'SECONDS', 'ROWS/S', 'MB/S'],
      ...[
        { what: 'snapshot', seconds: spreadOf(writing).median },
        { what: 'restore', seconds: spreadOf(reading).median },
      ].map(({ what, seconds }) => [
        what,
        seconds.toFixed(2),
        Math.round(rows / seconds).toLocaleString('en'),
        (megabytes / seconds).toFixed(0),
      ]),
    ]);
  } finally {
    table.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Seconds that a function takes. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
