import type { Model, Timed } from './checker.js';

export const OPERATIONS = [
  'get',
  'set',
  'put',
  'insert',
  'update',
  'delete',
  'take',
  'increment',
  'incrementFor',
  'incrementFixed',
  'compareAndSet',
  'compareAndDelete',
] as const;
export type OperationName = (typeof OPERATIONS)[number];

/** An operation on one row that holds one number. */
export interface RowOperation extends Timed {
  readonly name: OperationName;
  /** The number written, or added; of `compareAndSet` the new one. */
  readonly value: number;
  /** What `compareAndSet` and `compareAndDelete` expect. */
  readonly expected: number;
  /** A number, `undefined` for no row, or a boolean, as the table's method returns it. */
  readonly result: number | boolean | undefined;
}

type Value = number | undefined;

/** What a row of a table does: its number, or undefined while there is no row. */
export const rowModel: Model<Value, RowOperation> = {
  initial: undefined,
  textOf: String,
  step: (state, operation) => {
    const { next, result } = effectOf(state, operation);
    const mayBe = operation.return === Number.POSITIVE_INFINITY || Object.is(result, operation.result);
    return mayBe ? { state: next } : undefined;
  },
};

function effectOf(state: Value, { name, value, expected }: RowOperation): { next: Value; result: unknown } {
  const isThere = state !== undefined;
  switch (name) {
    case 'get':
      return { next: state, result: state };
    case 'set':
    case 'put':
      return { next: value, result: undefined };
    case 'insert':
      return isThere ? { next: state, result: false } : { next: value, result: true };
    case 'update':
      return isThere ? { next: value, result: true } : { next: state, result: false };
    case 'delete':
      return { next: undefined, result: isThere };
    case 'take':
      return { next: undefined, result: state };
    case 'increment':
    case 'incrementFor':
    case 'incrementFixed':
      return { next: (state ?? 0) + value, result: (state ?? 0) + value };
    case 'compareAndSet':
      return state === expected ? { next: value, result: true } : { next: state, result: false };
    case 'compareAndDelete':
      return state === expected ? { next: undefined, result: true } : { next: state, result: false };
  }
}
