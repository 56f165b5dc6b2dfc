/** The order of rows in a table of data. */

export interface Sorting {
  readonly column: string;
  readonly isDown: boolean;
}

/** Names with numbers in them in the order in which people count: `t2` before `t10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

/** A sorted copy. Rows without a value come last in both directions; rows with equal values stay in their order. */
export function sortRows<R>(
  rows: readonly R[],
  sortBy: (row: R) => string | number | undefined,
  isDown: boolean,
): readonly R[] {
  const sign = isDown ? -1 : 1;
  return rows
    .map((row) => ({ row, value: sortBy(row) }))
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined)
        return Number(a.value === undefined) - Number(b.value === undefined);
      return sign * compare(a.value, b.value);
    })
    .map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : NAMES.compare(String(a), String(b));
}
