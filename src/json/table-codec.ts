/**
 * A table's rows as JSON, compiled once per schema: one codec per column, and one function that writes whole rows with
 * them. Types of values are never tested at run time.
 */
import { constants } from 'node:buffer';
import { ShmTableError, show } from '../errors.js';
import { evaluate } from '../memory/index.js';
import type { FieldValue } from '../table/column-types/column-type.js';
import { jsonString } from '../table/column-types/json-text.js';
import type { Columns, Entry } from '../table/types.js';
import { type ColumnCodec, columnCodec } from './column-codec.js';

export type RowValues = Record<string, FieldValue>;

/** JSON text of a row, or of some of its columns, whose values are in their stored form. */
type RowWriter = (row: Readonly<RowValues>) => string;

/** The meaning of a JSON null in a row: an error, or (PATCH) a reset to zero. */
type NullMeaning = 'refused' | 'reset';

export class TableCodec {
  readonly #table: string;
  readonly #byName = new Map<string, ColumnCodec>();
  readonly #all: readonly ColumnCodec[];
  /** Writes whole rows. */
  readonly writeRow: RowWriter;

  constructor(table: string, columns: Columns) {
    this.#table = table;
    for (const [name, type] of Object.entries(columns)) {
      this.#byName.set(name, columnCodec(name, type));
    }
    this.#all = [...this.#byName.values()];
    this.writeRow = compileRowWriter(this.#all);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** A writer of the named columns, in the table's order, each once; of all for `undefined`. ERR_COLUMN_UNKNOWN. */
  select(names: readonly string[] | undefined): RowWriter {
    if (names === undefined) return this.writeRow;
    const wanted = new Set(names.map((name) => this.column(name)));
    const selected = this.#all.filter((codec) => wanted.has(codec));
    return (row) => `{${selected.map((codec) => `"${codec.name}":${codec.write(row[codec.name])}`).join(',')}}`;
  }

  /** The row of a JSON object: the columns that it names. ERR_COLUMN_UNKNOWN, ERR_COLUMN_TYPE, ERR_VALUE_RANGE. */
  decode(body: object, nulls: NullMeaning): RowValues {
    const row: RowValues = {};
    for (const [name, value] of Object.entries(body)) {
      const codec = this.column(name);
      row[codec.name] = value === null && nulls === 'reset' ? codec.zero : codec.decode(value);
    }
    return row;
  }

  /** The stored form of a row that was replaced by one with these columns. */
  replaced(row: RowValues): RowValues {
    const whole: RowValues = {};
    for (const codec of this.#all)
      whole[codec.name] = codec.stored(Object.hasOwn(row, codec.name) ? row[codec.name] : codec.zero);
    return whole;
  }

  /** The stored form of a row after these columns were written; `before` is in stored form. */
  merged(before: RowValues, row: RowValues): RowValues {
    const whole: RowValues = {};
    for (const codec of this.#all) {
      whole[codec.name] = Object.hasOwn(row, codec.name) ? codec.stored(row[codec.name]) : before[codec.name];
    }
    return whole;
  }

  /** JSON text of an envelope: key, revision, expiresAt, row. ERR_ANSWER_TOO_LARGE. */
  writeEnvelope(entry: Envelope, write: RowWriter = this.writeRow): string {
    const { key, revision, expiresAt, row } = entry;
    try {
      return `{"key":${jsonString(key)},"revision":${revision},"expiresAt":${expiresAt},"row":${write(row)}}`;
    } catch (error) {
      throw asTooLarge(error, key);
    }
  }

  /** A line of newline-delimited JSON: key, row, expiresAt. ERR_ANSWER_TOO_LARGE. */
  writeLine({ key, row, expiresAt }: Envelope, write: RowWriter = this.writeRow): string {
    try {
      return `{"key":${jsonString(key)},"row":${write(row)},"expiresAt":${expiresAt}}\n`;
    } catch (error) {
      throw asTooLarge(error, key);
    }
  }

  /** The codec of a column; ERR_COLUMN_UNKNOWN. */
  column(name: string): ColumnCodec {
    const column = this.#byName.get(name);
    if (column !== undefined) return column;
    const known = [...this.#byName.keys()];
    const some =
      known.length > 20 ? `${known.slice(0, 20).join(', ')} and ${known.length - 20} more` : known.join(', ');
    throw new ShmTableError('ERR_COLUMN_UNKNOWN', `table ${this.#table} has no column ${show(name)}; it has ${some}`);
  }
}

/**
 * One expression that contains every member's name. In a loop over the columns, the compiler would know neither the
 * properties nor the functions: 240 instead of 90 ns for three columns. The source contains only names that a table's
 * schema allows.
 */
function compileRowWriter(columns: readonly ColumnCodec[]): RowWriter {
  const writers = columns.map(({ write }) => write);
  const members = columns.map(({ name }, i) => `'${i === 0 ? '{' : ','}"${name}":' + w${i}(row.${name})`);
  const names = writers.map((_, i) => `w${i}`);
  return evaluate<(functions: typeof writers) => RowWriter>(
    `([${names}]) => (row) => ${members.join(' + ')} + '}'`,
    'row-writer',
  )(writers);
}

/** The error for a row whose values fit in the table, but not in one string as JSON; other errors as they are. */
function asTooLarge(error: unknown, key: string): unknown {
  const isTooLong = error instanceof RangeError && /string length/.test(error.message);
  const isTooLongBase64 = error instanceof Error && 'code' in error && error.code === 'ERR_STRING_TOO_LONG';
  if (!isTooLong && !isTooLongBase64) return error;
  return new ShmTableError(
    'ERR_ANSWER_TOO_LARGE',
    `row ${show(key)} as JSON must have at most ${constants.MAX_STRING_LENGTH} characters, got more; name columns to get some of them`,
  );
}

/** The part of an entry that the envelope shows. */
export interface Envelope extends Pick<Entry<Columns>, 'key' | 'revision' | 'expiresAt'> {
  readonly row: Readonly<RowValues>;
}
