/** The memory that a row takes, including everything else that the table needs. */
import { Table } from '../../table/table.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const capacity = rowsFor(effort, rows);
  const columns = { count: 'int32', score: 'float64', label: 'string(64)' } as const;
  const bytes = Table.bytesFor({ name: 'row-bytes', capacity, columns, maxKeyBytes: 31 });
  const each = (part: number): string => (part / capacity).toFixed(1);
  return {
    figures: [
      {
        what: 'memory per row of int32, float64, string(64) under keys of 31 bytes, everything included',
        unit: 'B',
        value: spreadOf([bytes.total / capacity]),
        target: { below: 190 },
        note: `row ${each(bytes.rows)}, index ${each(bytes.index)}, spare rows ${each(bytes.spares)}, other ${each(bytes.other)}`,
      },
    ],
  };
}
