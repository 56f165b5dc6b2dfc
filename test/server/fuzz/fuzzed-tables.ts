/** The tables that the fuzzer uses. Its requests also create and destroy tables, including these. */
import { ShmTableError } from '../../../src/errors.js';
import { Table } from '../../../src/table/table.js';
import type { TableOptions } from '../../../src/table/types.js';
import type { RandomValues } from './random-values.js';

const COLUMNS = {
  i8: 'int8',
  u32: 'uint32',
  big: 'int64',
  f32: 'float32',
  f64: 'float64',
  flag: 'boolean',
  text: 'string(8)',
  data: 'bytes(8)',
  page: 'text',
  file: 'blob(8)',
  doc: 'json',
} as const;

export const COLUMN_NAMES = Object.keys(COLUMNS);

const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  i8: [-128, 0, 127],
  u32: [0, 2 ** 32 - 1],
  big: ['-9223372036854775808', '9223372036854775807', 5],
  f32: [1.5, 'NaN', '-Infinity', 3.4e38],
  f64: [-0, 'Infinity', 5e-324, 1e308],
  flag: [true, false],
  text: ['', 'text', 'éé', '\u0000'],
  data: ['', 'AQID', '/+8='],
  page: ['', 'é', 'long '.repeat(60), 'longer '.repeat(200)],
  file: ['', 'AQID', 'AAAA'.repeat(100)],
  doc: [null, 5, 'text', [], { a: { b: [null, true] } }, { list: Array.from({ length: 80 }, (_, i) => i) }],
};

/** `fed` has a change feed, `plain` has none; both are full after a few dozen rows, or fewer with long values. */
const TABLES = [
  { name: 'fed', capacity: 40, changes: 65_536 },
  { name: 'plain', capacity: 15, maxKeyBytes: 255, heap: 4096 },
] as const;

/** Exists most of the time, so that there is a table to alter, to clear and to destroy. */
const SPENT = { name: 'spent', capacity: 40 } as const;

/** Tables that requests create, alter and destroy. */
export const CREATED_TABLES = ['created-1', 'created-2', SPENT.name];
export const TABLE_NAMES = [...TABLES.map(({ name }) => name), ...TABLES.map(({ name }) => name), ...CREATED_TABLES];

/** The keys in requests. Most of their rows exist at the beginning, but not all. */
export const ROW_KEYS = Array.from({ length: 24 }, (_, i) => `k${i}`);

/** Creates the tables and rows that are missing. */
export function createTables(namespace: string): void {
  for (const options of [...TABLES, SPENT]) {
    using table = tableOf({ ...options, namespace, columns: COLUMNS });
    const few = ROW_KEYS.slice(0, Math.min(options.capacity - 2, ROW_KEYS.length - 4));
    for (const key of few) if (table.size < options.capacity) table.insert(key, {});
  }
}

/** Creates the table, instead of any that a request has created under its name. */
function tableOf(options: TableOptions<typeof COLUMNS>): Table<typeof COLUMNS> {
  try {
    return Table.openOrCreate(options);
  } catch (error) {
    if (!(error instanceof ShmTableError) || error.code !== 'ERR_SCHEMA_MISMATCH') throw error;
    Table.destroy(options.name, { namespace: options.namespace });
    return Table.create(options);
  }
}

/** A row as requests send it: some columns, mostly with valid values. */
export function randomRow(random: RandomValues): object {
  const named = COLUMN_NAMES.filter(() => random.chance(35));
  return Object.fromEntries(named.map((name) => [name, random.chance(92) ? random.pick(VALUES[name]) : random.odd()]));
}

/** The options of a table that takes little memory, or more than is available. */
export function randomCapacity(random: RandomValues): number {
  return random.chance(95) ? 1 + random.below(20) : 2 ** 31 - 1;
}

export function randomColumns(random: RandomValues): Record<string, string> {
  const types = ['int8', 'uint32', 'int64', 'float64', 'boolean', 'string(5)', 'bytes(70)', 'text', 'json(9)'];
  return Object.fromEntries(
    Array.from({ length: 1 + random.below(3) }, (_, i) => [
      `c${i}`,
      random.chance(95)
        ? random.pick(types)
        : random.pick(['string', 'string(0)', 'string(65536)', 'int', '', 'blob(4097)']),
    ]),
  );
}
