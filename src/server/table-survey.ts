/** Opens the tables of a namespace briefly, one after the other, so that the caller can do other work in between. */
import { ShmTableError } from '../errors.js';
import { Segment, type SegmentLocation } from '../memory/index.js';
import { segmentName } from '../table/list.js';
import { Table } from '../table/table.js';
import type { Columns, OpenOptions } from '../table/types.js';
import { Turns } from './turns.js';

type Look<T> = (table: Table<Columns>) => T;

/** The result of `look` for each table, by name. */
export function surveyTables<T>(namespace: string, look: Look<T>): T[] {
  return placesOf(namespace, [...Segment.search()].flat()).flatMap((place) => visit(place, look));
}

/** The same for wanted tables only, but yields to other work of the thread. */
export async function surveyTablesInTurns<T>(
  namespace: string,
  look: Look<T>,
  isWanted: (name: string) => boolean,
): Promise<T[]> {
  const turns = new Turns();
  const found: T[] = [];
  for (const place of placesOf(namespace, await searchSegments(turns))) {
    if (!isWanted(place[0])) continue;
    if (turns.isOver) await turns.next();
    found.push(...visit(place, look));
  }
  return found;
}

/** The segments that this process finds, of all namespaces; with `Segment.find()` only those. */
export async function searchSegments(
  turns: Turns,
  steps: Iterable<SegmentLocation[]> = Segment.search(),
): Promise<SegmentLocation[]> {
  const found: SegmentLocation[] = [];
  for (const step of steps) {
    found.push(...step);
    if (turns.isOver) await turns.next();
  }
  return found;
}

/** The name of a table, and the options with which to open it for reading. */
export type Place = readonly [name: string, options: OpenOptions];

/** Where the tables of a namespace are, by name. */
export function placesOf(namespace: string, segments: readonly SegmentLocation[]): Place[] {
  const prefix = segmentName(namespace, '');
  return segments
    .filter(({ name }) => name.startsWith(prefix))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, backend, location }) => {
      const where = backend === 'file' ? { backend, path: location } : { backend };
      return [name.slice(prefix.length), { namespace, readOnly: true, ...where }];
    });
}

/** The result for one table; none if it was destroyed meanwhile, is damaged, or belongs to another user. */
function visit<T>(place: Place, look: Look<T>): T[] {
  try {
    using table = Table.open(...place);
    return [look(table as Table<Columns>)];
  } catch (error) {
    if (error instanceof ShmTableError) return [];
    throw error;
  }
}
