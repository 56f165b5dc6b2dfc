/** Opens the table that its argument names, and reports to its parent how much time and memory that took. */
import { Table } from '../../table/table.js';

export interface Opening {
  readonly firstMs: number;
  /** Median of opening it several more times. */
  readonly laterMs: number;
  /** Growth of the process's resident memory when it was opened first. */
  readonly residentBytes: number;
}

const LATER_OPENINGS = 9;

function timeOpening(name: string): number {
  const start = performance.now();
  const table = Table.open(name);
  const ms = performance.now() - start;
  table.close();
  return ms;
}

function measure(name: string): Opening {
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const table = Table.open(name);
  const firstMs = performance.now() - start;
  const residentBytes = process.memoryUsage.rss() - before;
  table.close();
  const later = Array.from({ length: LATER_OPENINGS }, () => timeOpening(name)).sort((a, b) => a - b);
  return { firstMs, laterMs: later[Math.floor(LATER_OPENINGS / 2)], residentBytes };
}

process.send?.(measure(process.argv[2]), () => process.disconnect());
