import { Type } from 'typebox';
import { ShmTableError } from '../../errors.js';
import { MAX_KEYS_AHEAD } from '../../table/many-rows.js';
import { Turns } from '../../table/turns.js';
import { checkOperation, MAX_OPERATIONS, type Operation, operationSchema, runOperation } from '../batch-operations.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { batchAnswer, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { Scope } from '../settings/security-schema.js';
import type { TableHandles } from '../table-handles.js';

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
      config: { scope: 'read', scopeOfBody },
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
      if (operations.length > MAX_OPERATIONS) {
        throw new ShmTableError(
          'ERR_BODY_MALFORMED',
          `a batch must have at most ${MAX_OPERATIONS} operations, got ${operations.length}`,
        );
      }
      operations.forEach(checkOperation);
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

/** A batch of nothing but `get` needs only the scope `read`. */
function scopeOfBody(body: unknown): Scope {
  return Array.isArray(body) && body.every(({ op }: Operation) => op === 'get') ? 'read' : 'write';
}
