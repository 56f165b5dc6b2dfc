/**
 * Rows as CSV with the rules of `shmtable load`: the header names the columns, that of the key and, if there is one, that
 * of the expiry. A cell is a JSON value without its quotes; an empty cell is zero, false or empty.
 */
import { type ColumnShape, columnShape, isNumeric } from './column-shape.js';
import type { CsvRecord } from './csv-records.js';

/** Names of the key and the expiry in the header, unless the table has columns of these names. */
const KEY = 'key';
const EXPIRES = 'expiresAt';
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

export type Columns = Readonly<Record<string, string>>;

/** Which columns of the file are the key and the expiry, if any. */
export interface CsvRoles {
  readonly key: string | undefined;
  readonly expires: string | undefined;
}

type LineOrProblem = { readonly line: string } | { readonly problem: string; readonly line?: undefined };

/** The roles that the names in a header suggest; undefined where the table has a column of that name. */
export function suggestedRoles(header: readonly string[], columns: Columns): CsvRoles {
  const suggested = (name: string): string | undefined =>
    header.includes(name) && !Object.hasOwn(columns, name) ? name : undefined;
  return { key: suggested(KEY), expires: suggested(EXPIRES) };
}

/** Why no row can be read with this header; undefined if they can. */
export function headerProblem(header: readonly string[], roles: CsvRoles, columns: Columns): string | undefined {
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined) return `the header names ${JSON.stringify(twice)} twice`;
  if (roles.key === undefined) return 'say which column of the file is the key';
  const unknown = header.find((name) => name !== roles.key && name !== roles.expires && !Object.hasOwn(columns, name));
  return unknown === undefined ? undefined : `the table has no column ${JSON.stringify(unknown)}`;
}

/** The line of newline-delimited JSON that a record means. */
export function lineOfRecord(
  record: CsvRecord,
  header: readonly string[],
  roles: CsvRoles,
  columns: Columns,
): LineOrProblem {
  if (record.problem !== undefined) return { problem: record.problem };
  const members: string[] = [];
  let key = '';
  let expiry = 'null';
  header.forEach((name, i) => {
    const cell = record.cells[i];
    if (name === roles.key) key = cell;
    if (name === roles.expires && cell !== '')
      expiry = NUMBER.test(cell) || cell === 'null' ? cell : JSON.stringify(cell);
    const type = columns[name];
    const isColumn = Object.hasOwn(columns, name);
    if (isColumn && cell !== '') members.push(`${JSON.stringify(name)}:${jsonOfCell(columnShape(type), cell)}`);
  });
  return { line: `{"key":${JSON.stringify(key)},"row":{${members.join(',')}},"expiresAt":${expiry}}` };
}

/** JSON text of a cell. The service checks whether the column takes it. */
function jsonOfCell(shape: ColumnShape, cell: string): string {
  const isBare =
    shape.kind === 'boolean'
      ? cell === 'true' || cell === 'false'
      : isNumeric(shape) && shape.kind !== 'int64' && (cell === 'null' || NUMBER.test(cell));
  if (isBare) return cell;
  if (shape.kind !== 'json') return JSON.stringify(cell);
  try {
    JSON.parse(cell);
  } catch {
    return JSON.stringify(cell);
  }
  // In JSON, an end of a line is white space between tokens.
  return cell.replaceAll(/[\r\n]/g, ' ');
}

/** The first line of a file of these columns. A column named like the key or the expiry keeps its name. */
export function csvHeader(columns: readonly string[]): { readonly text: string; readonly roles: CsvRoles } {
  const free = (name: string): string => (columns.includes(name) ? free(`row_${name}`) : name);
  const roles = { key: free(KEY), expires: free(EXPIRES) };
  return { text: `${[roles.key, ...columns, roles.expires].map(quoted).join(',')}\r\n`, roles };
}

/** A line of newline-delimited JSON as a line of CSV. */
export function csvOfLine(line: string, columns: readonly string[], types: Columns): string {
  const { key, row, expiresAt }: { key: string; row: Record<string, unknown>; expiresAt: number | null } =
    JSON.parse(line);
  const cells = columns.map((name) => cellOf(columnShape(types[name]), row[name]));
  return `${[key, ...cells, expiresAt === null ? '' : String(expiresAt)].map(quoted).join(',')}\r\n`;
}

function cellOf({ kind }: ColumnShape, value: unknown): string {
  // An empty cell is null.
  if (kind === 'json') return value === null ? '' : JSON.stringify(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
