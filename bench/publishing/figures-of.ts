/** Finds the figures of a report by what they are about. */
import type { Report, ReportedFigure } from '../../src/bench/report.js';

/** The operations that readers of a table of figures look for. */
export const SHOWN_OPERATIONS = ['get column', 'get row', 'set', 'increment'] as const;

/** What they are compared with: its name in the report, and the one that readers know. */
export const SHOWN_STORES = [
  { beside: 'Map', label: 'Map' },
  { beside: 'lmdb', label: 'lmdb' },
  { beside: 'node-shared-cache-x', label: 'node-shared-cache-x' },
  { beside: 'better-sqlite3', label: 'SQLite' },
  { beside: 'Redis by ioredis, 100 at a time', label: 'Redis, 100 at a time' },
  { beside: 'Redis by ioredis', label: 'Redis, one at a time' },
  { beside: 'memcached', label: 'memcached' },
] as const;

export const SHOWN_ROWS = '100,000 rows';

export function findFigure({ figures }: Report, what: string, beside?: string): ReportedFigure | undefined {
  return figures.find((figure) => figure.what === what && figure.beside === beside);
}

/** Figures whose `what` begins so. */
export function figuresBeginning({ figures }: Report, beginning: string): ReportedFigure[] {
  return figures.filter(({ what }) => what.startsWith(beginning));
}

/** The stores of which the report has figures. */
export function storesIn(report: Report): (typeof SHOWN_STORES)[number][] {
  return SHOWN_STORES.filter(({ beside }) => report.figures.some((figure) => figure.beside === beside));
}
