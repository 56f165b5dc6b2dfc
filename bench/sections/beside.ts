/** Measures the table beside stores that may not be there: opens those that open, and says why the others did not. */
import { type Figure, ratioFigure, rowCount } from '../../src/bench/figure.js';
import { type Measurement, measureInterleaved } from '../../src/bench/interleaved.js';
import {
  ABSENT,
  OPERATIONS,
  type OpenRowSubject,
  type Operation,
  type RowSubject,
} from '../../src/bench/row-subject.js';
import type { Effort, SectionResult } from '../../src/bench/section.js';
import { openShmtable, SHMTABLE } from '../../src/bench/subjects/shmtable.js';

export interface Competitor {
  readonly name: string;
  readonly open: OpenRowSubject;
  /** Least speed of the table, times this competitor's. */
  readonly targets?: Partial<Readonly<Record<Operation, number>>>;
}

/** `keys` rows each; the slices are of `sliceOperations`. */
export async function measureBeside(
  competitors: readonly Competitor[],
  { rounds }: Pick<Effort, 'rounds'>,
  keys: number,
  sliceOperations: number,
): Promise<SectionResult> {
  const leftOut: string[] = [];
  const opening = competitors.map(({ name, open }): OpenRowSubject => {
    return async (keys) => {
      try {
        return await open(keys);
      } catch (error) {
        leftOut.push(`${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
        return nothing;
      }
    };
  });
  const measurements = await measureInterleaved([openShmtable, ...opening], {
    operations: OPERATIONS,
    absent: ABSENT,
    keys,
    rounds,
    sliceOperations,
  });
  return { figures: figuresOf(competitors, measurements, keys), leftOut };
}

/** Stands for a store that is not here. */
const nothing: RowSubject = { name: 'nothing', slices: {}, close: () => undefined };

function figuresOf(
  competitors: readonly Competitor[],
  measurements: readonly Measurement<Operation>[],
  keys: number,
): Figure[] {
  return OPERATIONS.flatMap((operation) => {
    const measured = measurements.filter((each) => each.operation === operation);
    const ours = measured.find(({ subject }) => subject === SHMTABLE);
    if (ours === undefined) return [];
    return measured
      .filter((theirs) => theirs !== ours)
      .map((theirs) => {
        const atLeast = competitors.find(({ name }) => name === theirs.subject)?.targets?.[operation];
        const target = atLeast === undefined ? {} : { target: { atLeast } };
        return ratioFigure(`${operation}, ${rowCount(keys)}`, ours, theirs, target);
      });
  });
}
