/**
 * Compares the table with stores that may not be installed: measures those that open, and says why the others did not.
 */
import { type Figure, ratioFigure, rowCount } from '../../src/bench/figure.js';
import { type Measurement, measureInterleaved } from '../../src/bench/interleaved.js';
import { ABSENT, OPERATIONS, type OpenRowSubject, type Operation, orLeaveOut } from '../../src/bench/row-subject.js';
import type { Effort, SectionResult } from '../../src/bench/section.js';
import {
  MIN_ROWS_IN_HUGE_PAGES,
  openShmtable,
  openShmtableHuge,
  SHMTABLE,
  SHMTABLE_HUGE,
} from '../../src/bench/subjects/shmtable.js';

export interface Competitor {
  readonly name: string;
  readonly open: OpenRowSubject;
  /** Minimum speed of the table, as a multiple of this competitor's. */
  readonly targets?: Partial<Readonly<Record<Operation, number>>>;
}

/** Each store has `keys` rows; slices have `sliceOperations` operations. */
export async function compareWith(
  competitors: readonly Competitor[],
  { rounds }: Pick<Effort, 'rounds'>,
  keys: number,
  sliceOperations: number,
): Promise<SectionResult> {
  const leftOut: string[] = [];
  const huge = keys < MIN_ROWS_IN_HUGE_PAGES ? [] : [orLeaveOut(SHMTABLE_HUGE, openShmtableHuge, leftOut)];
  const opening = competitors.map(({ name, open }) => orLeaveOut(name, open, leftOut));
  const measurements = await measureInterleaved([openShmtable, ...huge, ...opening], {
    operations: OPERATIONS,
    absent: ABSENT,
    keys,
    rounds,
    sliceOperations,
  });
  return { figures: figuresOf(competitors, measurements, keys), leftOut };
}

function figuresOf(
  competitors: readonly Competitor[],
  measurements: readonly Measurement<Operation>[],
  keys: number,
): Figure[] {
  return OPERATIONS.flatMap((operation) => {
    const measured = measurements.filter((each) => each.operation === operation);
    const ours = measured.find(({ subject }) => subject === SHMTABLE);
    const huge = measured.find(({ subject }) => subject === SHMTABLE_HUGE);
    if (ours === undefined) return [];
    const what = `${operation}, ${rowCount(keys)}`;
    return measured
      .filter((theirs) => theirs !== ours && theirs !== huge)
      .flatMap((theirs) => {
        const atLeast = competitors.find(({ name }) => name === theirs.subject)?.targets?.[operation];
        if (atLeast === undefined) return [ratioFigure(what, ours, theirs)];
        // Huge pages are included only where they are measured: their figures show how far ahead the table can be.
        const inHugePages = huge === undefined ? [] : [ratioFigure(`${what}, huge pages`, huge, theirs)];
        return [ratioFigure(what, ours, theirs, { target: { atLeast } }), ...inHugePages];
      });
  });
}
