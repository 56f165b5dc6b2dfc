/**
 * A table's rows as JSON, compiled once per schema: one codec per column, each with its member name written already.
 * Rows are read and written column by column with these; nothing asks a value what it is.
 */
import { ShmTableError } from '../errors.js';
import { show } from '../table/schema.js';
import type { Columns, Entry } from '../table/types.js';
import { type CellValue, type ColumnCodec, columnCodec } from './column-codec.js';

export type RowValues = Record<string, CellValue>;

/** A column with the text that stands before its value: `"name":`. */
interface WrittenColumn {
  readonly codec: ColumnCodec;
  readonly member: string;
}

/** Some columns of a table, in the order in which they are written. */
export type Selection = readonly WrittenColumn[];

/** What a JSON null in a row means: a mistake, or (PATCH) back to zero. */
export type NullMeaning = 'refused' | 'reset';

export class TableCodec {
  readonly #table: string;
  readonly #byName = new Map<string, WrittenColumn>();
  readonly #all: Selection;

  constructor(table: string, columns: Columns) {
    this.#table = table;
    for (const [name, type] of Object.entries(columns)) {
      this.#byName.set(name, { codec: columnCodec(name, type), member: `${JSON.stringify(name)}:` });
    }
    this.#all = [...this.#byName.values()];
  }

  /** The codec of a column; ERR_COLUMN_UNKNOWN. */
  column(name: string): ColumnCodec {
    return this.#find(name).codec;
  }

  /** The columns named, in the table's order, each once; all of them for `undefined`. ERR_COLUMN_UNKNOWN. */
  select(names: readonly string[] | undefined): Selection {
    if (names === undefined) return this.#all;
    const wanted = new Set(names.map((name) => this.#find(name)));
    return this.#all.filter((column) => wanted.has(column));
  }

  /** Names of a selection. */
  names(selection: Selection): string[] {
    return selection.map((column) => column.codec.name);
  }

  /** The row of a JSON object: the columns that it names. ERR_COLUMN_UNKNOWN, ERR_COLUMN_TYPE, ERR_VALUE_RANGE. */
  decode(body: object, nulls: NullMeaning): RowValues {
    const row: RowValues = {};
    for (const [name, value] of Object.entries(body)) {
      const { codec } = this.#find(name);
      row[codec.name] = value === null && nulls === 'reset' ? codec.zero : codec.decode(value);
    }
    return row;
  }

  /** What the table holds after a row with these columns replaced everything. */
  replaced(row: RowValues): RowValues {
    const whole: RowValues = {};
    for (const { codec } of this.#all)
      whole[codec.name] = codec.name in row ? codec.stored(row[codec.name]) : codec.zero;
    return whole;
  }

  /** What a row holds after these columns of it were stored. */
  merged(before: RowValues, row: RowValues): RowValues {
    const whole: RowValues = {};
    for (const { codec } of this.#all) {
      whole[codec.name] = codec.name in row ? codec.stored(row[codec.name]) : before[codec.name];
    }
    return whole;
  }

  /** JSON text of a row. */
  writeRow(row: Readonly<RowValues>, selection: Selection = this.#all): string {
    let text = '{';
    for (let i = 0; i < selection.length; i++) {
      const { codec, member } = selection[i];
      if (i > 0) text += ',';
      text += member + codec.write(row[codec.name]);
    }
    return `${text}}`;
  }

  /** JSON text of an envelope: key, revision, expiresAt, row. */
  writeEnvelope(entry: Envelope, selection: Selection = this.#all): string {
    const row = this.writeRow(entry.row, selection);
    return `{"key":${JSON.stringify(entry.key)},"revision":${entry.revision},"expiresAt":${entry.expiresAt},"row":${row}}`;
  }

  #find(name: string): WrittenColumn {
    const column = this.#byName.get(name);
    if (column !== undefined) return column;
    const known = [...this.#byName.keys()];
    const some =
      known.length > 20 ? `${known.slice(0, 20).join(', ')} and ${known.length - 20} more` : known.join(', ');
    throw new ShmTableError('ERR_COLUMN_UNKNOWN', `table ${this.#table} has no column ${show(name)}; it has ${some}`);
  }
}

/** An entry as far as the envelope shows it. */
export interface Envelope extends Pick<Entry<Columns>, 'key' | 'revision' | 'expiresAt'> {
  readonly row: Readonly<RowValues>;
}
