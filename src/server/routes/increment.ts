import { Type } from 'typebox';
import { decodeKey } from '../key-encoding.js';
import { entityTag, writeCondition } from '../preconditions.js';
import { conditionHeaders, keyEncoding, lifetime, lifetimeHeader, problems, rowParameters } from '../route-schemas.js';
import { incrementRow } from '../row-increment.js';
import { lifetimeOf } from '../row-lifetime.js';
import { type RoutesApp, routeByKey } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const body = Type.Object(
  {
    column: Type.String({ description: 'A column of numbers' }),
    by: Type.Optional(
      Type.Unsafe<unknown>({
        default: 1,
        description: 'What to add; for int64 a decimal string, or a safe-integer number',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ column: 'hits', by: 1 }] },
);

const answer = Type.Unsafe<string>({
  type: 'object',
  required: ['value', 'revision'],
  properties: {
    value: { oneOf: [{ type: 'number' }, { type: 'string' }], description: 'The new value; int64 as a decimal string' },
    revision: { type: 'integer' },
  },
});

/** `/v1/tables/{table}/rows/{key}/increment`: adds to a column in one step. */
export function incrementRoutes(app: RoutesApp, handles: TableHandles): void {
  routeByKey(app, {
    method: 'POST',
    url: '/tables/:table/rows/:key/increment',
    config: { scope: 'write' },
    schema: {
      operationId: 'incrementColumn',
      tags: ['rows'],
      summary: 'Adds to a column of numbers in one step; creates the row if need be',
      params: rowParameters,
      querystring: Type.Object({ ttl: lifetime, keyEncoding }),
      headers: Type.Object({ ...conditionHeaders, ...lifetimeHeader }),
      body,
      response: { 200: answer, ...problems },
    },
    handler: async (request, reply) => {
      const key = decodeKey(request.params.key, request.query.keyEncoding);
      const condition = writeCondition(request.headers);
      const ttl = lifetimeOf(request.headers, request.query);
      const { column, by = 1 } = request.body;
      return handles.use(request.params.table, (served) => {
        const { text, revision } = incrementRow(served, key, column, by, { ttl, condition });
        reply.header('ETag', entityTag(revision)).type('application/json');
        return reply.send(`{"value":${text},"revision":${revision}}`);
      });
    },
  });
}
