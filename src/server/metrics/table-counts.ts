/** Statistics of the tables of a namespace, read without attaching to them. */
import { engineOf } from '../../table/engine.js';
import type { Table } from '../../table/table.js';
import type { Columns, HeapStats, TableCounts } from '../../table/types.js';
import { surveyTables, surveyTablesInTurns } from '../table-survey.js';

export type NamedCounts = TableCounts & {
  readonly table: string;
  /** Undefined for a table without text, blob and json columns. */
  readonly heap: HeapStats | undefined;
};

/**
 * Returns the statistics of every table of the namespace, by name. O(processes + tables). `rows` excludes expired rows
 * that have not been swept, at the cost of `Table.size`.
 */
export function liveCountsOfTables(namespace: string): NamedCounts[] {
  return surveyTables(namespace, (table) => ({ ...countsOf(table), rows: table.size }));
}

/** The same, but `rows` includes expired rows; it yields to other work of the thread. */
export function countsOfTables(namespace: string, isWanted: (name: string) => boolean): Promise<NamedCounts[]> {
  return surveyTablesInTurns(namespace, countsOf, isWanted);
}

function countsOf(table: Table<Columns>): NamedCounts {
  const engine = engineOf(table);
  return { table: table.name, ...engine.counts(), heap: engine.heapUse() };
}
