/** Finds the figures of a report. */
import type { Report, ReportedFigure } from '../../src/bench/report.js';

/** The operations that the README shows. */
export const SHOWN_OPERATIONS = ['get column', 'get row', 'set', 'increment'] as const;

/** What they are compared with: its name in the report, and the name for readers. */
export const SHOWN_STORES = [
  { comparedWith: 'Map', label: 'Map' },
  { comparedWith: 'lmdb', label: 'lmdb' },
  { comparedWith: 'node-shared-cache-x', label: 'node-shared-cache-x' },
  { comparedWith: 'better-sqlite3', label: 'SQLite' },
  { comparedWith: 'Redis by ioredis, 100 at a time', label: 'Redis, 100 at a time' },
  { comparedWith: 'Redis by ioredis', label: 'Redis, one at a time' },
  { comparedWith: 'memcached', label: 'memcached' },
] as const;

export const SHOWN_ROWS = '100,000 rows';

export function findFigure({ figures }: Report, what: string, comparedWith?: string): ReportedFigure | undefined {
  return figures.find((figure) => figure.what === what && figure.comparedWith === comparedWith);
}

/** Figures whose `what` begins with this. */
export function figuresBeginning({ figures }: Report, beginning: string): ReportedFigure[] {
  return figures.filter(({ what }) => what.startsWith(beginning));
}

/** The stores for which the report has figures. */
export function storesIn(report: Report): (typeof SHOWN_STORES)[number][] {
  return SHOWN_STORES.filter(({ comparedWith }) =>
    report.figures.some((figure) => figure.comparedWith === comparedWith),
  );
}
