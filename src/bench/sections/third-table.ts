/** One process that uses three tables: rows of the third compared with rows of a `Map`. */
import { ratioFigure, rowCount } from '../figure.js';
import { measureInterleaved } from '../interleaved.js';
import { ABSENT, OPERATIONS } from '../row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { openMap } from '../subjects/map.js';
import { openThirdTable } from '../subjects/shmtable.js';

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const measurements = await measureInterleaved([openMap, openThirdTable], {
    operations: OPERATIONS,
    absent: ABSENT,
    keys,
    rounds: effort.rounds,
    sliceOperations: effort.sliceOperations,
  });
  const figures = OPERATIONS.flatMap((operation) => {
    const [map, third] = measurements.filter((each) => each.operation === operation);
    return map === undefined || third === undefined
      ? []
      : [ratioFigure(`${operation}, third table of ${rowCount(keys)}`, third, map)];
  });
  return { figures };
}
