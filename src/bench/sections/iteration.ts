/** Iterating over all rows of a table: a full one, and one whose capacity is a thousand times its rows. */
import { Table } from '../../table/table.js';
import { rowCount } from '../figure.js';
import { freshKey } from '../fresh-keys.js';
import type { BenchTable } from '../peer-jobs.js';
import { benchColumns, rowOf } from '../row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

const SPARSENESS = 1_000;
const MAX_ROUNDS = 15;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const capacity = rowsFor(effort, rows);
  const some = Math.ceil(capacity / SPARSENESS);
  const full = tableOf(capacity, capacity);
  const sparse = tableOf(capacity, some);
  try {
    const fullMs: number[] = [];
    const sparseMs: number[] = [];
    for (let round = -1; round < Math.min(effort.rounds, MAX_ROUNDS); round++) {
      const [inFull, inSparse] = [timeOf(full, capacity), timeOf(sparse, some)];
      if (round < 0) continue;
      fullMs.push(inFull);
      sparseMs.push(inSparse);
    }
    return {
      figures: [
        {
          what: `iterate ${rowCount(capacity)}`,
          unit: 'M rows/s',
          value: spreadOf(fullMs.map((ms) => capacity / ms / 1000)),
          target: { atLeast: 3 },
        },
        {
          what: `iterate ${rowCount(some)} in a table for ${rowCount(capacity)}`,
          unit: 'ms',
          value: spreadOf(sparseMs),
          target: { below: 2 },
        },
      ],
    };
  } finally {
    full.destroy();
    sparse.destroy();
  }
}

function tableOf(capacity: number, rows: number): BenchTable {
  const name = `bench-${process.pid}-${rows}-of-${capacity}`;
  const table = Table.create({ name, capacity, columns: benchColumns, backend: 'anonymous' });
  for (let i = 0; i < rows; i++) table.set(freshKey(i), rowOf(i));
  return table;
}

function timeOf(table: BenchTable, rows: number): number {
  globalThis.gc?.({ type: 'minor', execution: 'sync' });
  const start = performance.now();
  let met = 0;
  let characters = 0;
  for (const [key, row] of table) {
    met++;
    characters += key.length + row.label.length;
  }
  const ms = performance.now() - start;
  if (met !== rows || characters < rows) throw new Error(`an iteration visited ${met} of ${rows} rows`);
  return ms;
}
