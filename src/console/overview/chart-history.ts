/** The numbers of the charts over the last 15 minutes. */

export const SPAN_S = 15 * 60;
/** After a longer pause between two points, the lines are interrupted. */
const LONGEST_PAUSE_S = 5;

/** The lines of the charts. */
const LINES = [
  'requests',
  'errors4xx',
  'errors5xx',
  'p50',
  'p99',
  'inserts',
  'updates',
  'deletes',
  'removals',
  'loopDelay',
] as const;
type Line = (typeof LINES)[number];

export interface ChartData {
  /** Epoch seconds, ascending. */
  readonly times: readonly number[];
  readonly lines: Readonly<Record<Line, readonly (number | null)[]>>;
}

const NO_LINES = Object.fromEntries(LINES.map((line) => [line, []])) as unknown as ChartData['lines'];
export const NO_DATA: ChartData = { times: [], lines: NO_LINES };

/** The data with another point, without those that are older than the span. Undefined is a value that is not known. */
export function withPoint(
  { times, lines }: ChartData,
  at: number,
  point: Readonly<Record<Line, number | null | undefined>>,
): ChartData {
  const last = times.at(-1);
  // The clock of the service was set back: the earlier points are in its future.
  if (last !== undefined && at <= last) return withPoint(NO_DATA, at, point);
  const isInterrupted = last !== undefined && at - last > LONGEST_PAUSE_S;
  const addedTimes = isInterrupted ? [last + 1, at] : [at];
  const first = times.findIndex((time) => time >= at - SPAN_S);
  const from = first === -1 ? times.length : first;
  const added = (line: Line): (number | null)[] => {
    const value = point[line] ?? null;
    return isInterrupted ? [null, value] : [value];
  };
  return {
    times: [...times.slice(from), ...addedTimes],
    lines: Object.fromEntries(
      LINES.map((line) => [line, [...lines[line].slice(from), ...added(line)]]),
    ) as unknown as ChartData['lines'],
  };
}
