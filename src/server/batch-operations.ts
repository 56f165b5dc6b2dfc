/**
 * The operations of a batch: their schema, execution and results. All operations are validated before the first is
 * executed; after that each one succeeds or fails independently, like a single request.
 */

import { describeError, ShmTableError, show } from '../errors.js';
import { jsonString } from '../table/column-types/json-text.js';
import { type Eventual, when } from './eventual.js';
import { Type } from './json-schema.js';
import { ROW_IS_MISSING, revisionIs } from './preconditions.js';
import { problemOf } from './problems.js';
import { incrementRow } from './row-increment.js';
import { deleteRow, mergeRow, readRow, upsertRow } from './row-operations.js';
import type { RowStore } from './row-store.js';

/** Required and optional members of each operation, besides `op` and `key`. */
const MEMBERS = {
  get: { needs: [], takes: ['columns'] },
  set: { needs: ['row'], takes: ['ttl', 'revision'] },
  put: { needs: ['row'], takes: ['ttl', 'revision'] },
  update: { needs: ['row'], takes: ['ttl', 'revision'] },
  insert: { needs: ['row'], takes: ['ttl'] },
  delete: { needs: [], takes: ['revision'] },
  increment: { needs: ['column'], takes: ['by', 'ttl', 'revision'] },
} as const;

/** All members allowed in each operation. */
const KNOWN = new Map<string, ReadonlySet<string>>(
  Object.entries(MEMBERS).map(([op, { needs, takes }]) => [op, new Set(['op', 'key', ...needs, ...takes])]),
);

type OperationName = keyof typeof MEMBERS;

export interface Operation {
  readonly op: OperationName;
  readonly key: string;
  readonly row?: object;
  readonly column?: string;
  readonly by?: unknown;
  readonly ttl?: number | null;
  readonly columns?: readonly string[];
  readonly revision?: number;
}

export const operationSchema = Type.Unsafe<Operation>({
  type: 'object',
  required: ['op', 'key'],
  additionalProperties: false,
  properties: {
    op: {
      type: 'string',
      enum: Object.keys(MEMBERS),
      description: 'set writes only the given columns, put replaces the row',
    },
    key: { type: 'string', description: 'The key, not percent-encoded' },
    row: {
      type: 'object',
      additionalProperties: true,
      description: 'Columns to write; for set, put, update and insert',
    },
    column: { type: 'string', description: 'Column to add to; for increment' },
    by: { description: 'The amount to add, 1 by default; for an int64 column a decimal string or a safe integer' },
    ttl: { type: ['number', 'null'], description: 'Lifetime of the row in milliseconds; null for none' },
    columns: { type: 'array', items: { type: 'string' }, description: 'Columns to return; for get' },
    revision: { type: 'number', description: 'Execute only if the row has this revision' },
  },
});

/**
 * Checks that an operation has the members that it requires and no others.
 *
 * @throws {ShmTableError} ERR_BODY_MALFORMED when it does not; names the operation by its index
 */
export function checkOperation(operation: Operation, index: number): void {
  for (const name of MEMBERS[operation.op].needs) {
    if (!(name in operation)) throw malformed(index, operation.op, `must have ${show(name)}`);
  }
  const known = KNOWN.get(operation.op);
  for (const name in operation) {
    if (known?.has(name) !== true) throw malformed(index, operation.op, `must not have ${show(name)}`);
  }
}

/** JSON text of the result of an operation that failed. */
export function failed(operation: Operation, error: unknown): string {
  const problem = problemOf(error);
  return `{"status":${problem.status},"key":${jsonString(operation.key)},"problem":${JSON.stringify(problem)}}`;
}

/** Executes an operation and returns the JSON text of its result. Throws what the single request is answered with. */
export function runOperation(rows: RowStore, operation: Operation): Eventual<string> {
  const { codec } = rows;
  const { op, ttl, revision: wanted } = operation;
  const key = jsonString(operation.key);
  checkPositive('ttl', ttl);
  checkPositive('revision', wanted);
  const condition = revisionIs(wanted);
  switch (op) {
    case 'get': {
      const write = codec.select(operation.columns);
      return when(
        readRow(rows, operation.key, operation.columns),
        ({ revision, row }) => `{"status":200,"key":${key},"revision":${revision},"row":${write(row)}}`,
      );
    }
    case 'set':
    case 'put': {
      const row = codec.decode(operation.row ?? {}, 'refused');
      // As in single requests, `put` sets the expiry and `set` keeps the current one.
      const lifetime = op === 'put' ? (ttl ?? null) : ttl;
      return when(
        upsertRow(rows, op, operation.key, row, { ttl: lifetime, condition }),
        ({ created, revision }) => `{"status":${created ? 201 : 200},"key":${key},"revision":${revision}}`,
      );
    }
    case 'insert': {
      const row = codec.decode(operation.row ?? {}, 'refused');
      return when(
        upsertRow(rows, 'put', operation.key, row, { ttl, condition: ROW_IS_MISSING }),
        ({ revision }) => `{"status":201,"key":${key},"revision":${revision}}`,
      );
    }
    case 'update': {
      const row = codec.decode(operation.row ?? {}, 'reset');
      return when(
        mergeRow(rows, operation.key, row, { ttl, condition }),
        ({ revision }) => `{"status":200,"key":${key},"revision":${revision}}`,
      );
    }
    case 'delete':
      return when(deleteRow(rows, operation.key, condition), () => `{"status":204,"key":${key}}`);
    case 'increment': {
      const { column = '', by = 1 } = operation;
      return when(
        incrementRow(rows, operation.key, column, by, { ttl, condition }),
        ({ text, revision }) => `{"status":200,"key":${key},"revision":${revision},"value":${text}}`,
      );
    }
  }
}

function checkPositive(name: string, value: number | null | undefined): void {
  if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 1)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `${name} must be an integer in 1 .. ${Number.MAX_SAFE_INTEGER}, got ${value}`,
    );
  }
}

function malformed(index: number, op: string, what: string): ShmTableError {
  const { title } = describeError('ERR_BODY_MALFORMED');
  return new ShmTableError('ERR_BODY_MALFORMED', `${title}: operation ${index}, ${op}, ${what}`);
}
