import type { Model, Timed } from './checker.js';

export const OPERATIONS = [
  'get',
  'entry',
  'set',
  'put',
  'insert',
  'update',
  'delete',
  'take',
  'increment',
  'incrementFor',
  'incrementFixed',
  'incrementOther',
  'compareAndSet',
  'compareAndDelete',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/**
 * An operation on one row that holds two numbers. Operations that write the row write the first; the second is written
 * only by `put` and when a row is new.
 */
export interface RowOperation extends Timed {
  readonly name: OperationName;
  /** The number written or added; for `compareAndSet` the new one. */
  readonly value: number;
  /** The first number that `compareAndSet` and `compareAndDelete` expect. */
  readonly expected: number;
  /**
   * A number, `undefined` for no row, or a boolean, as the table's method returns it; for `entry` the `pairOf` its
   * numbers.
   */
  readonly result: number | boolean | undefined;
}

/** Larger than either number becomes. */
const PAIR = 1_000_000;

/** Both numbers of a row combined into one. */
export function pairOf({ value, other }: Numbers): number {
  return value * PAIR + other;
}

interface Numbers {
  readonly value: number;
  readonly other: number;
}

type State = Numbers | undefined;

/** The model of a row of a table: its numbers, or undefined while there is no row. */
export const rowModel: Model<State, RowOperation> = {
  initial: undefined,
  textOf: (state) => (state === undefined ? 'none' : `${state.value} ${state.other}`),
  step: (state, operation) => {
    const { next, result } = effectOf(state, operation);
    const mayBe = operation.return === Number.POSITIVE_INFINITY || Object.is(result, operation.result);
    return mayBe ? { state: next } : undefined;
  },
};

function effectOf(state: State, { name, value, expected }: RowOperation): { next: State; result: unknown } {
  const { value: before, other } = state ?? { value: 0, other: 0 };
  const written = { value, other };
  switch (name) {
    case 'get':
      return { next: state, result: state?.value };
    case 'entry':
      return { next: state, result: state && pairOf(state) };
    case 'set':
      return { next: written, result: undefined };
    case 'put':
      return { next: { value, other: 0 }, result: undefined };
    case 'insert':
      return state === undefined ? { next: written, result: true } : { next: state, result: false };
    case 'update':
      return state === undefined ? { next: state, result: false } : { next: written, result: true };
    case 'delete':
      return { next: undefined, result: state !== undefined };
    case 'take':
      return { next: undefined, result: state?.value };
    case 'increment':
    case 'incrementFor':
    case 'incrementFixed':
      return { next: { value: before + value, other }, result: before + value };
    case 'incrementOther':
      return { next: { value: before, other: other + value }, result: other + value };
    case 'compareAndSet':
      return state?.value === expected ? { next: written, result: true } : { next: state, result: false };
    case 'compareAndDelete':
      return state?.value === expected ? { next: undefined, result: true } : { next: state, result: false };
  }
}
