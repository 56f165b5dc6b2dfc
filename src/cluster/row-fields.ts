import { ShmTableError, show } from '../errors.js';
import { tooLong } from '../table/column-types/column-type.js';
import { refusal } from '../table/column-types/column-types.js';
import { detachedRow } from '../table/detached-row.js';
import type { PlacedColumn } from '../table/layout/row.js';
import type { ScratchRow } from '../table/scratch-row.js';
import type { Columns, Row, RowInput } from '../table/types.js';
import { unknownColumn } from '../table/unknown-column.js';

/**
 * Rows as the fields of a hash. A field has the name of its column, and one more has the revision; a field that is
 * missing is the zero of its column, so adding a column changes no row.
 *
 * | column | field |
 * |---|---|
 * | integers, `int64`, `boolean` | decimal digits; `0` or `1` |
 * | `float64`, `float32` | the shortest digits that JavaScript reads back to the same number; `-0`, `NaN`, `Infinity` |
 * | `string`, `text` | UTF-8 |
 * | `bytes`, `blob` | the bytes |
 * | `json` | JSON text, empty for null |
 *
 * The digits of a float that was incremented are the server's: up to 17, which are read back to the same number too.
 */

/** The field of the revision, which no column can have as its name. */
const REVISION = 'revision';

/** The longest string of a server (its `proto-max-bulk-len`). Only a `blob` can be longer. */
const MAX_VALUE_BYTES = 2 ** 29;

/** An argument of a command. */
export type Argument = string | Buffer;

/**
 * How a script compares the field of a column, and which text it takes for a missing one: `n` exact digits, `f` digits
 * of a float, `b` bytes.
 */
type Comparison = 'n' | 'f' | 'b';

/** How a script adds to a column. */
interface Addition {
  readonly column: PlacedColumn;
  /** `i` an integer of up to 32 bits, `l` one of 64 bits, `d` a double, `f` a float32. */
  readonly kind: 'i' | 'l' | 'd' | 'f';
  /** Bounds of an `i`, inclusive. */
  readonly min: number;
  readonly max: number;
}

interface Field {
  readonly column: PlacedColumn;
  readonly comparison: Comparison;
  /** As `Table.get` returns it; no bytes are the zero of the column. */
  readonly read: (bytes: Buffer) => unknown;
  /** The same in its stored form: a `json` value as its text. */
  readonly readStored: (bytes: Buffer) => unknown;
}

const NOTHING = Buffer.alloc(0);

/** What a row is read as. */
interface DecodedRow<C extends Columns> {
  readonly row: Row<C>;
  readonly revision: number;
}

/** Encodes and decodes the rows of one schema, and checks values exactly as `Table` does. */
export class RowFields<C extends Columns> {
  readonly columns: readonly PlacedColumn[];
  readonly draft: ScratchRow<C>;
  readonly #fields: ReadonlyMap<string, Field>;

  /** `ERR_SCHEMA_INVALID` */
  constructor(columns: C) {
    const { columns: placed, draft } = detachedRow(columns);
    this.columns = placed;
    this.draft = draft;
    this.#fields = new Map(placed.map((column) => [column.name, fieldOf(column)]));
  }

  /** The fields and values of a row to write, one after the other. Throws as `Table.set` does. */
  encode(row: RowInput<C>): Argument[] {
    const out: Argument[] = [];
    for (const [name, value] of this.draft.stored(row)) {
      out.push(name, textOf(value));
      if (value instanceof Uint8Array && value.length > MAX_VALUE_BYTES) throw tooLong(this.column(name), value.length);
    }
    return out;
  }

  /** What a script compares a row with: kind, field and value of each column. Throws as `Table.compareAndSet` does. */
  encodeExpected(row: RowInput<C>): Argument[] {
    const out: Argument[] = [];
    for (const [name, value] of this.draft.stored(row)) out.push(this.#field(name).comparison, name, textOf(value));
    return out;
  }

  /** Decodes the fields and values that a server returned, one after the other; undefined when there is no row. */
  decode(key: string, reply: readonly Buffer[], names?: readonly string[], stored = false): DecodedRow<C> | undefined {
    const row: Record<string, unknown> = {};
    for (const name of names ?? this.#fields.keys()) row[name] = readField(key, this.#field(name), NOTHING, stored);
    let revision = 0;
    for (let i = 0; i + 1 < reply.length; i += 2) {
      const name = reply[i].toString('latin1');
      const bytes = reply[i + 1];
      if (name === REVISION) revision = Number(bytes.toString('latin1'));
      const field = this.#fields.get(name);
      if (field === undefined || !(name in row)) continue;
      row[name] = readField(key, field, bytes, stored);
    }
    if (!Number.isSafeInteger(revision) || revision < 1) return undefined;
    return { row: row as Row<C>, revision };
  }

  /** The column with this name. `ERR_COLUMN_UNKNOWN`. */
  column(name: string): PlacedColumn {
    return this.#field(name).column;
  }

  #field(name: string): Field {
    const field = typeof name === 'string' ? this.#fields.get(name) : undefined;
    return field ?? unknownColumn(name, this.columns);
  }

  /** How to add to a column. `ERR_COLUMN_UNKNOWN`, and `ERR_COLUMN_TYPE` when it holds no numbers. */
  addition(name: string): Addition {
    const column = this.column(name);
    const { field } = column;
    if (field.form !== 'number' || field.addition === undefined) {
      throw new ShmTableError('ERR_COLUMN_TYPE', `column ${name} is ${column.type} and cannot be added to`);
    }
    const { arithmetic } = field.addition;
    const kind = arithmetic === 'integer' ? 'i' : arithmetic === 'bigint' ? 'l' : field.bytes === 4 ? 'f' : 'd';
    const isSigned = field.view.startsWith('i');
    const bits = field.bytes * 8;
    return {
      column,
      kind,
      min: isSigned ? -(2 ** (bits - 1)) : 0,
      max: isSigned ? 2 ** (bits - 1) - 1 : 2 ** bits - 1,
    };
  }

  /** Checks what is to be added. `ERR_COLUMN_TYPE`, `ERR_VALUE_RANGE`. */
  addend({ column, kind }: Addition, by: unknown): number | bigint {
    if (kind === 'i') {
      if (!Number.isSafeInteger(by)) throw refusal(column, by);
      return by as number;
    }
    if (kind === 'l') {
      if (typeof by === 'bigint') return by;
      if (!Number.isSafeInteger(by)) throw refusal(column, by);
      return BigInt(by as number);
    }
    if (typeof by !== 'number') throw refusal(column, by);
    return by;
  }

  /** The sum that a script returned. */
  sum({ kind }: Addition, text: Buffer): number | bigint {
    const digits = text.toString('latin1');
    return kind === 'l' ? BigInt(digits) : Number(digits);
  }

  /** The error for a sum that a column cannot hold. */
  refuseSum({ column, kind }: Addition, text: string): ShmTableError {
    return refusal(column, kind === 'l' ? BigInt(text) : Number(text));
  }
}

/** A number, text or bytes as an argument of a command. */
export function textOf(value: unknown): Argument {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
      return value ? '1' : '0';
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return String(value);
    default: {
      const { buffer, byteOffset, byteLength } = value as Uint8Array;
      return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    }
  }
}

function fieldOf(column: PlacedColumn): Field {
  return { column, ...readersOf(column) };
}

function readersOf(column: PlacedColumn): Omit<Field, 'column'> {
  switch (column.kind) {
    case 'boolean':
      return plain('n', (bytes) => bytes.length > 0 && bytes.toString('latin1') !== '0');
    case 'int64':
      return plain('n', (bytes) => (bytes.length === 0 ? 0n : BigInt(bytes.toString('latin1'))));
    case 'float32':
    case 'float64':
      return plain('f', (bytes) => (bytes.length === 0 ? 0 : floatIn(bytes.toString('latin1'))));
    case 'string':
    case 'text':
      return plain('b', (bytes) => bytes.toString('utf8'));
    case 'bytes':
    case 'blob':
      return plain('b', (bytes) => new Uint8Array(bytes));
    case 'json':
      return {
        comparison: 'b',
        read: (bytes) => (bytes.length === 0 ? null : JSON.parse(bytes.toString('utf8'))),
        readStored: (bytes) => bytes.toString('utf8'),
      };
    default:
      return plain('n', (bytes) => (bytes.length === 0 ? 0 : integerIn(bytes.toString('latin1'))));
  }
}

function plain(comparison: Comparison, read: (bytes: Buffer) => unknown): Omit<Field, 'column'> {
  return { comparison, read, readStored: read };
}

function floatIn(digits: string): number {
  const value = Number(digits);
  if (Number.isNaN(value) && digits !== 'NaN') throw new SyntaxError('not a number');
  return value;
}

function integerIn(digits: string): number {
  const value = Number(digits);
  if (!Number.isInteger(value)) throw new SyntaxError('not an integer');
  return value;
}

/** Other programs may have written to the hash. */
function readField(key: string, { column, read, readStored }: Field, bytes: Buffer, stored: boolean): unknown {
  try {
    return stored ? readStored(bytes) : read(bytes);
  } catch (error) {
    throw new ShmTableError(
      'ERR_TABLE_CORRUPT',
      `row ${show(key)}: column ${column.name} is ${column.type}, and its field has ${show(bytes.toString('latin1'))}`,
      { cause: error },
    );
  }
}
