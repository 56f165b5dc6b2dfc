/** One process: rows of a table compared with rows of a `Map`, at several sizes. */
import { type Figure, ratioFigure, rowCount, type Target } from '../figure.js';
import { type Measurement, measureInterleaved } from '../interleaved.js';
import { ABSENT, OPERATIONS, type OpenRowSubject, type Operation, orLeaveOut } from '../row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import {
  MAP,
  MAP_BY_REFERENCE,
  MAP_OF_REUSED_KEYS,
  openMap,
  openMapByReference,
  openMapOfReusedKeys,
} from '../subjects/map.js';
import {
  MIN_ROWS_IN_HUGE_PAGES,
  openShmtable,
  openShmtableHuge,
  SHMTABLE,
  SHMTABLE_HUGE,
} from '../subjects/shmtable.js';

/** From this size on three Maps would not fit into the heap. */
const MANY_ROWS = 1_000_000;

/** Compared with the Map with fresh keys and, where a row is read, copied rows. */
const TARGETS: Readonly<Record<number, Partial<Record<Operation, number>>>> = {
  1000: { 'get column': 0.8 },
  100000: { 'get column': 1, 'get row': 1, set: 1.2, increment: 1 },
  4000000: { 'get column': 1.5, 'missing key': 1.5 },
};

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const leftOut: string[] = [];
  const subjects: OpenRowSubject[] =
    rows < MANY_ROWS ? [openMap, openMapByReference, openMapOfReusedKeys, openShmtable] : [openMap, openShmtable];
  if (keys >= MIN_ROWS_IN_HUGE_PAGES) subjects.push(orLeaveOut(SHMTABLE_HUGE, openShmtableHuge, leftOut));
  const measurements = await measureInterleaved(subjects, {
    operations: OPERATIONS,
    absent: ABSENT,
    keys,
    rounds: effort.rounds,
    sliceOperations: effort.sliceOperations,
  });
  const figures = OPERATIONS.flatMap((operation) => figuresOf(operation, measurements, keys, TARGETS[rows] ?? {}));
  return { figures, leftOut };
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
  const map = under(MAP);
  if (ours === undefined || map === undefined) return [];
  const what = `${operation}, ${rowCount(keys)}`;
  const huge = under(SHMTABLE_HUGE);
  const inHugePages = huge === undefined ? [] : [ratioFigure(`${what}, huge pages`, huge, map)];
  return [MAP, MAP_BY_REFERENCE, MAP_OF_REUSED_KEYS]
    .flatMap((subject) => {
      const theirs = under(subject);
      // Only the code that reads rows differs in the Map by reference.
      if (theirs === undefined || (subject === MAP_BY_REFERENCE && operation !== 'get row')) return [];
      return ratioFigure(what, ours, theirs, subject === MAP ? targetOf(targets[operation]) : {});
    })
    .concat(inHugePages);
}

function targetOf(atLeast: number | undefined): { target?: Target } {
  return atLeast === undefined ? {} : { target: { atLeast } };
}
