/** One process: rows of a table beside rows of a `Map`, at several sizes. */
import { type Figure, ratioFigure, rowCount, type Target } from '../figure.js';
import { type Measurement, measureInterleaved } from '../interleaved.js';
import { ABSENT, OPERATIONS, type OpenRowSubject, type Operation } from '../row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import {
  MAP,
  MAP_BY_REFERENCE,
  MAP_OF_REUSED_KEYS,
  openMap,
  openMapByReference,
  openMapOfReusedKeys,
} from '../subjects/map.js';
import { openShmtable, SHMTABLE } from '../subjects/shmtable.js';

/** From here on three Maps would not fit into the heap. */
const MANY_ROWS = 1_000_000;

/** Beside the Map with fresh keys and, where a row is read, copied rows. */
const TARGETS: Readonly<Record<number, Partial<Record<Operation, number>>>> = {
  1000: { 'get column': 0.8 },
  100000: { 'get column': 1, 'get row': 1, set: 1.2, increment: 1 },
  4000000: { 'get column': 1.5, 'absent key': 1.5 },
};

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const subjects: OpenRowSubject[] =
    rows < MANY_ROWS ? [openMap, openMapByReference, openMapOfReusedKeys, openShmtable] : [openMap, openShmtable];
  const measurements = await measureInterleaved(subjects, {
    operations: OPERATIONS,
    absent: ABSENT,
    keys,
    rounds: effort.rounds,
    sliceOperations: effort.sliceOperations,
  });
  return { figures: OPERATIONS.flatMap((operation) => figuresOf(operation, measurements, keys, TARGETS[rows] ?? {})) };
}

function figuresOf(
  operation: Operation,
  measurements: readonly Measurement<Operation>[],
  keys: number,
  targets: Partial<Record<Operation, number>>,
): Figure[] {
  const under = (subject: string) =>
    measurements.find((each) => each.operation === operation && each.subject === subject);
  const ours = under(SHMTABLE);
  if (ours === undefined) return [];
  return [MAP, MAP_BY_REFERENCE, MAP_OF_REUSED_KEYS].flatMap((subject) => {
    const theirs = under(subject);
    // By reference only the reading of rows is other code.
    if (theirs === undefined || (subject === MAP_BY_REFERENCE && operation !== 'get row')) return [];
    return ratioFigure(
      `${operation}, ${rowCount(keys)}`,
      ours,
      theirs,
      subject === MAP ? targetOf(targets[operation]) : {},
    );
  });
}

function targetOf(atLeast: number | undefined): { target?: Target } {
  return atLeast === undefined ? {} : { target: { atLeast } };
}
