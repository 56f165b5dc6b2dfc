import { ShmTableError, show } from '../../errors.js';
import type { Column } from '../schema.js';
import type { Columns, Row, RowInput } from '../types.js';

/** Converts the value of a column; `ERR_VALUE_RANGE` when it would become another one. */
type Conversion = (value: unknown) => unknown;

/** Kinds whose values can become those of each other, as far as they fit. */
const FAMILIES: readonly ReadonlySet<string>[] = [
  new Set(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'float32', 'float64']),
  new Set(['string', 'text']),
  new Set(['bytes', 'blob']),
];

/**
 * Creates the function that makes a row of the new columns from one of the old. Columns that are new are not named in
 * it. `ERR_SCHEMA_INVALID` when a column cannot become what is wanted.
 */
export function rowConversion(
  from: readonly Column[],
  to: readonly Column[],
): (row: Row<Columns>) => RowInput<Columns> {
  const old = new Map(from.map((column) => [column.name, column]));
  const kept: { readonly name: string; readonly convert: Conversion }[] = [];
  for (const column of to) {
    const before = old.get(column.name);
    if (before !== undefined) kept.push({ name: column.name, convert: conversion(before, column) });
  }
  if (kept.length === from.length && to.length === from.length && kept.every(({ convert }) => convert === same)) {
    return (row) => row;
  }
  return (row) => {
    const input: Record<string, unknown> = {};
    for (const { name, convert } of kept) input[name] = convert(row[name]);
    return input as RowInput<Columns>;
  };
}

const same: Conversion = (value) => value;

function conversion(from: Column, to: Column): Conversion {
  if (from.kind === to.kind) return same;
  if (!FAMILIES.some((family) => family.has(from.kind) && family.has(to.kind))) {
    throw new ShmTableError('ERR_SCHEMA_INVALID', `column ${to.name} is ${from.type} and cannot become ${to.type}`);
  }
  if (from.field.form !== 'number') return same;
  const exact = exactNumber(to);
  return (value) => {
    const converted = exact(value as number | bigint);
    if (converted !== undefined) return converted;
    throw new ShmTableError(
      'ERR_VALUE_RANGE',
      `column ${to.name} cannot become ${to.type}: ${show(value)} does not fit`,
    );
  };
}

/** The same number as another type has it; undefined when that type has no such number. The table checks its range. */
function exactNumber({ kind }: Column): (value: number | bigint) => number | bigint | undefined {
  if (kind === 'int64') {
    return (value) => (typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value) : undefined);
  }
  const fits =
    kind === 'float64'
      ? () => true
      : kind === 'float32'
        ? (value: number) => Number.isNaN(value) || Math.fround(value) === value
        : Number.isInteger;
  return (value) => {
    const number = Number(value);
    const isExact = typeof value === 'number' || BigInt(number) === value;
    return isExact && fits(number) ? number : undefined;
  };
}
