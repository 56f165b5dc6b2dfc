import { ShmTableError, show } from '../errors.js';
import { integer } from './options.js';
import type { ScratchRow } from './scratch-row.js';
import type { Columns, Expected, RowInput } from './types.js';

/** What a compare-and-set compares with: a revision, or values in the form in which a row returns them. */
export type Expectation =
  | { readonly revision: number; readonly values?: undefined }
  | { readonly revision?: undefined; readonly values: ReadonlyMap<string, unknown> };

/** Reads the caller's `expected` once. `ERR_ARGUMENT` when it is empty or not an object; column errors as for `set`. */
export function parseExpected<C extends Columns>(expected: Expected<C>, draft: ScratchRow<C>): Expectation {
  return readExpected(expected, (columns) => {
    const values = draft.normalise(columns);
    return values.size === 0 ? undefined : { values };
  });
}

/** The same with what `ofColumns` makes of the columns; undefined if it finds none. */
export function readExpected<C extends Columns, E>(
  expected: Expected<C>,
  ofColumns: (columns: RowInput<C>) => E | undefined,
): E | { readonly revision: number } {
  if (typeof expected !== 'object' || expected === null) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `expected must be an object of columns, or { revision }; got ${show(expected)}`,
    );
  }
  const revision: unknown = 'revision' in expected ? expected.revision : undefined;
  if (revision !== undefined) {
    if (Object.keys(expected).length > 1) {
      throw new ShmTableError('ERR_ARGUMENT', 'expected must be columns or the revision, not both');
    }
    return { revision: integer('revision', revision, 1, Number.MAX_SAFE_INTEGER) };
  }
  const found = ofColumns(expected as RowInput<C>);
  if (found !== undefined) return found;
  throw new ShmTableError('ERR_ARGUMENT', 'expected must name at least one column, or the revision');
}

/**
 * Whether a row has all expected values. -0 equals only -0, NaN equals NaN, bytes are compared by content, JSON values
 * by their text, in which the order of members matters.
 */
export function fulfils(row: Readonly<Record<string, unknown>>, values: ReadonlyMap<string, unknown>): boolean {
  for (const [name, expected] of values) if (!isSame(row[name], expected)) return false;
  return true;
}

function isSame(actual: unknown, expected: unknown): boolean {
  if (typeof actual !== 'object' || typeof expected !== 'object') return Object.is(actual, expected);
  if (actual instanceof Uint8Array && expected instanceof Uint8Array) return Buffer.compare(actual, expected) === 0;
  return JSON.stringify(actual) === JSON.stringify(expected);
}
