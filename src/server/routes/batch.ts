import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { ShmTableError } from '../../errors.js';
import { MAX_KEYS_AHEAD } from '../../table/many-rows.js';
import { failed, type Operation, operationSchema, runOperation } from '../batch-operations.js';
import { MAX_OPERATIONS } from '../bodies/body-limits.js';
import { compressAnswer } from '../compression.js';
import type { Eventual } from '../eventual.js';
import { Type } from '../json-schema.js';
import { answerInPieces } from '../pieced-answer.js';
import { RemoteOperations } from '../remote-operations.js';
import { requestValidation } from '../request-validation.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { batchAnswer, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { Turns } from '../turns.js';

/** Maximum bytes of results that wait for a slow client before the execution of its operations pauses. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const compiledValidation = requestValidation();

const body = Type.Array(operationSchema, {
  description: `Up to ${MAX_OPERATIONS} operations, executed in order`,
  examples: [
    [
      { op: 'get', key: '5128581' },
      { op: 'increment', key: '5128581', column: 'population' },
    ],
  ],
});

/** `/v1/tables/{table}/batch`: many operations in one request. */
export function batchRoutes(app: RoutesApp, handles: TableHandles, answerBytes: number): void {
  app.post(
    '/tables/:table/batch',
    {
      onSend: compressAnswer,
      // A batch that contains only `get` needs only the scope `read`.
      config: { scope: 'read', scopeOfBody: true, body: 'batch', endsWithToken: true },
      validatorCompiler: batchValidation,
      schema: {
        operationId: 'runBatch',
        tags: ['rows'],
        summary: 'Executes many operations in one request',
        description:
          'Operations are executed in order, and each succeeds or fails independently. A batch is not a transaction: ' +
          'other writers may write between its operations, and a failed operation does not undo earlier ones. Once the ' +
          'results reach the maximum size of a response, the remaining operations are not executed: 413.',
        params: tableParameters,
        body,
        response: { 200: batchAnswer, ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      const operations = request.body;
      const { table } = request.params;
      // A missing table fails the whole request, not each operation.
      const reads = operations.some(({ op }) => op === 'get');
      const atOnce = await handles.withRows(table, (rows) => (reads ? rows.readsAtOnce : rows.writesAtOnce));
      const turns = new Turns();
      reply.type('application/json');
      return answerInPieces(reply, { maxUnreadBytes: MAX_UNREAD_BYTES }, async (answer) => {
        answer.add('{"results":[');
        let count = 0;
        const remote = new RemoteOperations<string>(atOnce, (text) => answer.add(`${count++ > 0 ? ',' : ''}${text}`));
        for (const [i, operation] of operations.entries()) {
          if (turns.isOver) await turns.next();
          await answer.room();
          if (request.isRevoked || answer.isUnwanted) break;
          if (i % MAX_KEYS_AHEAD === 0) loadAhead(handles, table, operations.slice(i, i + MAX_KEYS_AHEAD));
          const isFull = answer.bytes >= answerBytes;
          const full = remote.add(isFull ? notRun(operation, answerBytes) : runOn(handles, table, operation, remote));
          if (full !== undefined) await full;
        }
        await remote.rest();
        answer.add(']}');
      });
    },
  );
}

/** Executes an operation. If its table was destroyed meanwhile, only this operation fails, as with other errors. */
function runOn(
  handles: TableHandles,
  table: string,
  operation: Operation,
  remote: RemoteOperations<string>,
): Eventual<string> {
  try {
    const result = handles.withRows(table, (rows) =>
      remote.run(rows, operation.key, () => runOperation(rows, operation)),
    );
    return result instanceof Promise ? result.catch((error: unknown) => failed(operation, error)) : result;
  } catch (error) {
    return failed(operation, error);
  }
}

/** The operations themselves report a destroyed table. */
function loadAhead(handles: TableHandles, table: string, operations: readonly Operation[]): void {
  try {
    void handles.withRows(table, (rows) => rows.loadAhead(operations.map(({ key }) => key)));
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
  }
}

function notRun(operation: Operation, answerBytes: number): string {
  const message = `not executed: the results before it have ${answerBytes} bytes or more, the limit of a response`;
  return failed(operation, new ShmTableError('ERR_ANSWER_TOO_LARGE', message));
}

/** The operations were validated while they arrived; here only a missing body is rejected. */
const batchValidation: FastifySchemaCompiler<TSchema> = (route) => {
  if (route.httpPart === 'body') return compiledValidation({ ...route, schema: Type.Array(Type.Unknown()) });
  return compiledValidation(route);
};
