import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { MAX_KEYS_AHEAD } from '../../table/many-rows.js';
import { Turns } from '../../table/turns.js';
import { operationSchema, runOperation } from '../batch-operations.js';
import { MAX_OPERATIONS } from '../bodies/body-limits.js';
import { Type } from '../json-schema.js';
import { requestValidation } from '../request-validation.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { batchAnswer, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

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
export function batchRoutes(app: RoutesApp, handles: TableHandles): void {
  app.post(
    '/tables/:table/batch',
    {
      // A batch of nothing but `get` needs only the scope `read`.
      config: { scope: 'read', scopeOfBody: true, body: 'batch' },
      validatorCompiler: batchValidation,
      schema: {
        operationId: 'runBatch',
        tags: ['rows'],
        summary: 'Executes many operations in one request',
        description:
          'Operations are executed in order, and each succeeds or fails independently. A batch is not a transaction: ' +
          'other writers may write between its operations, and a failed operation does not undo earlier ones.',
        params: tableParameters,
        body,
        response: { 200: batchAnswer, ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      const operations = request.body;
      const { table } = request.params;
      // A missing table fails the whole request, not each operation.
      handles.use(table, () => undefined);
      let results = '';
      const turns = new Turns();
      for (let i = 0; i < operations.length; i++) {
        if (turns.isOver) await turns.next();
        if (i % MAX_KEYS_AHEAD === 0) {
          const keys = operations.slice(i, i + MAX_KEYS_AHEAD).map(({ key }) => key);
          handles.use(table, (served) => served.engine.loadAhead(keys));
        }
        const result = handles.use(table, (served) => runOperation(served, operations[i]));
        results += i === 0 ? result : `,${result}`;
      }
      return reply.type('application/json').send(`{"results":[${results}]}`);
    },
  );
}

/** The operations were validated while they arrived; only that there are any is left to check. */
const batchValidation: FastifySchemaCompiler<TSchema> = (route) => {
  if (route.httpPart === 'body') return compiledValidation({ ...route, schema: Type.Array(Type.Unknown()) });
  return compiledValidation(route);
};
