import { types } from 'node:util';
import { ShmTableError, show } from '../errors.js';
import { evaluate } from '../memory/index.js';
import { refuseValue, unknownColumn } from './column-values.js';
import type { TextCells } from './hot/variable-columns.js';
import type { PlacedColumn, RowLayout } from './layout/row.js';
import type { RowMemory } from './layout/row-memory.js';
import type { Columns, Row } from './types.js';

/**
 * Reading and writing rows of one schema in one piece of memory, by functions compiled for that schema.
 *
 * Compiled because it pays: a row of int32, float64 and a string is read 3 to 4 times faster than by a loop over the
 * columns, since the object gets its shape from a literal and every offset is a constant. Only column names that
 * passed `parseColumns` and integers go into the source.
 */
export interface RowCodec<C extends Columns = Columns> {
  /** The row at `row` (its first word) as an object. */
  readonly read: (row: number) => Row<C>;
  /** One value, by column name: `readers[name]` is undefined for a column that the schema lacks. */
  readonly readers: Readonly<Record<string, ((row: number) => unknown) | undefined>>;
  /**
   * Reads every named property of `input` once, then asks `begin` for the row to write to, then checks and
   * writes the named columns. No code of the caller's runs after `begin`. Returns how many columns were named; `named` tells
   * which. Throws without having changed anything but that row.
   */
  readonly write: (input: object, begin: () => number) => number;
  /** The columns named by the last `write`: bit `i & 31` of word `i >> 5` is column `i`. */
  readonly named: Int32Array;
  /** Gives the columns that `named` lacks the values that they have in row `from`, or zero when `from` is 0. */
  readonly complete: (row: number, from: number) => void;
  /** Sets every column to zero and `named` to none. */
  readonly clear: (row: number) => void;
  /** Text of `length` bytes of UTF-8 from byte `start`. */
  readonly readText: (start: number, length: number) => string;
  /** True after a read met a length over its limit: torn if the row has changed since, else damaged. */
  readonly damage: { found: boolean };
}

/** Compiles the functions for a schema. O(columns). */
export function compileRowCodec<C extends Columns>(layout: RowLayout, memory: RowMemory, text: TextCells): RowCodec<C> {
  const columns = layout.columns;
  const support = {
    u8: memory.bytes,
    i8: new Int8Array(memory.buffer),
    u16: memory.halves,
    i16: new Int16Array(memory.buffer),
    i32: memory.words,
    u32: new Uint32Array(memory.buffer),
    i64: memory.longs,
    f32: new Float32Array(memory.buffer),
    f64: memory.doubles,
    named: new Int32Array(namedWords(columns).length),
    text,
    refuse: (index: number, value: unknown): never => refuseValue(columns[index], value),
    checkNames: (input: unknown): void => checkNames(input, columns),
  };
  const source = [
    '(support) => {',
    `const { ${Object.keys(support).join(', ')} } = support;`,
    'return {',
    `  read: (row) => ({ ${columns.map((column) => `${column.name}: ${readOf(column)}`).join(', ')} }),`,
    '  readers: Object.assign(Object.create(null), {',
    ...columns.map((column) => `    ${column.name}: (row) => ${readOf(column)},`),
    '  }),',
    ...writeSource(columns),
    ...completeSource(columns),
    ...clearSource(columns),
    '  named,',
    '  readText: (start, length) => text.decode(start, length),',
    '  damage: text.damage,',
    '};',
    '}',
  ].join('\n');
  return evaluate<(parts: typeof support) => RowCodec<C>>(source, 'row-codec')(support);
}

/**
 * Where a column lies: an expression over `row`, the row's first word (even: rows are aligned to 8 bytes). For a string it
 * is the index of its length among the 16-bit units, for bytes the byte offset of theirs.
 */
function place({ kind, offset }: PlacedColumn): string {
  switch (kind) {
    case 'int8':
      return `i8[row * 4 + ${offset}]`;
    case 'uint8':
    case 'boolean':
      return `u8[row * 4 + ${offset}]`;
    case 'int16':
      return `i16[row * 2 + ${offset / 2}]`;
    case 'uint16':
      return `u16[row * 2 + ${offset / 2}]`;
    case 'int32':
      return `i32[row + ${offset / 4}]`;
    case 'uint32':
      return `u32[row + ${offset / 4}]`;
    case 'float32':
      return `f32[row + ${offset / 4}]`;
    case 'int64':
      return `i64[(row >>> 1) + ${offset / 8}]`;
    case 'float64':
      return `f64[(row >>> 1) + ${offset / 8}]`;
    case 'string':
      return `row * 2 + ${offset / 2}`;
    case 'bytes':
      return `row * 4 + ${offset}`;
  }
}

function readOf(column: PlacedColumn): string {
  switch (column.kind) {
    case 'boolean':
      return `${place(column)} !== 0`;
    case 'string':
      return `text.readString(${place(column)}, ${column.maxBytes})`;
    case 'bytes':
      return `text.readBytes(${place(column)}, ${column.maxBytes})`;
    default:
      return place(column);
  }
}

/** A statement that checks `value` and writes it. */
function writeOf(column: PlacedColumn, value: string): string {
  const refuse = `refuse(${column.index}, ${value})`;
  const integer = (range: string): string =>
    `if (typeof ${value} !== 'number' || ${range}) ${refuse}; ${place(column)} = ${value};`;
  switch (column.kind) {
    case 'int8':
      return integer(`(${value} << 24 >> 24) !== ${value}`);
    case 'uint8':
      return integer(`(${value} & 255) !== ${value}`);
    case 'int16':
      return integer(`(${value} << 16 >> 16) !== ${value}`);
    case 'uint16':
      return integer(`(${value} & 65535) !== ${value}`);
    case 'int32':
      return integer(`(${value} | 0) !== ${value}`);
    case 'uint32':
      return integer(`(${value} >>> 0) !== ${value}`);
    case 'float32':
    case 'float64':
      return integer('false');
    case 'boolean':
      return `if (typeof ${value} !== 'boolean') ${refuse}; ${place(column)} = ${value} ? 1 : 0;`;
    case 'int64':
      return (
        `if (typeof ${value} === 'bigint') { if (BigInt.asIntN(64, ${value}) !== ${value}) ${refuse}; ${place(column)} = ${value}; } ` +
        `else { if (!Number.isSafeInteger(${value})) ${refuse}; ${place(column)} = BigInt(${value}); }`
      );
    case 'string':
      return `if (!text.writeString(${place(column)}, ${column.maxBytes}, ${value})) ${refuse};`;
    case 'bytes':
      return `if (!text.writeBytes(${place(column)}, ${column.maxBytes}, ${value})) ${refuse};`;
  }
}

function zeroOf(column: PlacedColumn): string {
  switch (column.kind) {
    case 'int64':
      return `${place(column)} = 0n;`;
    case 'string':
      return `u16[${place(column)}] = 0;`;
    case 'bytes':
      return `i32[row + ${column.offset / 4}] = 0;`;
    default:
      return `${place(column)} = 0;`;
  }
}

function copyOf(column: PlacedColumn): string {
  const from = place(column).replaceAll('row', 'from');
  switch (column.kind) {
    case 'string':
      return `text.copyString(${from}, ${place(column)}, ${column.maxBytes});`;
    case 'bytes':
      return `text.copyBytes(${from}, ${place(column)}, ${column.maxBytes});`;
    default:
      return `${place(column)} = ${from};`;
  }
}

function writeSource(columns: readonly PlacedColumn[]): string[] {
  const bit = ({ index }: PlacedColumn): string => `n${index >> 5} |= ${1 << (index & 31)};`;
  const words = namedWords(columns);
  return [
    '  write(input, begin) {',
    `    if (typeof input !== 'object' || input === null) checkNames(input);`,
    ...columns.map(readProperty),
    '    let count = 0;',
    ...columns.map(({ index }) => `    if (v${index} !== undefined) count++;`),
    '    let properties = 0;',
    '    for (const property in input) properties++;',
    // Not by its prototype: asking for that is a call, 8 ns.
    '    if (properties !== count || count === 0 || input.constructor !== Object) checkNames(input);',
    '    const row = begin();',
    `    let ${words.map((word) => `n${word} = 0`).join(', ')};`,
    ...columns.map((column) => {
      const value = `v${column.index}`;
      return `    if (${value} !== undefined) { ${bit(column)} ${writeOf(column, value)} }`;
    }),
    ...words.map((word) => `    named[${word}] = n${word};`),
    '    return count;',
    '  },',
  ];
}

/** Reads a property once. A column may be named as what every object inherits, `toString` say: that names no value. */
function readProperty({ name, index }: PlacedColumn): string {
  if (!(name in Object.prototype)) return `    const v${index} = input.${name};`;
  const inherited = `typeof v${index} === 'function' && !Object.hasOwn(input, '${name}')`;
  return `    let v${index} = input.${name}; if (${inherited}) v${index} = undefined;`;
}

function forgetNamed(columns: readonly PlacedColumn[]): string {
  return namedWords(columns)
    .map((word) => `named[${word}] = 0;`)
    .join(' ');
}

/** Indexes of the words of `named`. */
function namedWords(columns: readonly PlacedColumn[]): number[] {
  return Array.from({ length: Math.ceil(columns.length / 32) }, (_, word) => word);
}

function completeSource(columns: readonly PlacedColumn[]): string[] {
  const missing = ({ index }: PlacedColumn): string => `(named[${index >> 5}] & ${1 << (index & 31)}) === 0`;
  return [
    '  complete(row, from) {',
    '    if (from === 0) {',
    ...columns.map((column) => `      if (${missing(column)}) { ${zeroOf(column)} }`),
    '    } else {',
    ...columns.map((column) => `      if (${missing(column)}) { ${copyOf(column)} }`),
    '    }',
    '  },',
  ];
}

function clearSource(columns: readonly PlacedColumn[]): string[] {
  return ['  clear(row) {', `    ${forgetNamed(columns)}`, ...columns.map((column) => `    ${zeroOf(column)}`), '  },'];
}

/** The slow look at an input whose properties are not just its named columns. */
function checkNames(input: unknown, columns: readonly PlacedColumn[]): void {
  if (typeof input !== 'object' || input === null || Array.isArray(input) || types.isPromise(input)) {
    throw new ShmTableError('ERR_ARGUMENT', `a row must be an object of columns and values, got ${show(input)}`);
  }
  const row: Record<string, unknown> = input as Record<string, unknown>;
  for (const name in row) {
    if (!columns.some((column) => column.name === name) && row[name] !== undefined) unknownColumn(name, columns);
  }
}
