import { when } from '../eventual.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { entityTag, writeCondition } from '../preconditions.js';
import { OF_ANY_BODY, OF_ANY_ROW_WRITE, tableProblems } from '../route-problems.js';
import {
  conditionHeaders,
  incrementAnswer,
  keyEncoding,
  lifetime,
  lifetimeHeader,
  rowParameters,
} from '../route-schemas.js';
import { incrementRow } from '../row-increment.js';
import { lifetimeOf } from '../row-lifetime.js';
import { JSON_TYPE, type RoutesApp, routeByKey } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const body = Type.Object(
  {
    column: Type.String({ description: 'Name of a numeric column' }),
    by: Type.Optional(
      Type.Unsafe<unknown>({
        default: 1,
        description: 'The amount to add; for an int64 column a decimal string or a safe integer',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ column: 'hits', by: 1 }] },
);

/** `/v1/tables/{table}/rows/{key}/increment`: adds to a column atomically. */
export function incrementRoutes(app: RoutesApp, handles: TableHandles): void {
  routeByKey(app, {
    method: 'POST',
    url: '/tables/:table/rows/:key/increment',
    config: { scope: 'write', body: 'small' },
    schema: {
      operationId: 'incrementColumn',
      tags: ['rows'],
      summary: 'Adds to a numeric column atomically; creates the row if it is missing',
      params: rowParameters,
      querystring: Type.Object({ ttl: lifetime, keyEncoding }),
      headers: Type.Object({ ...conditionHeaders, ...lifetimeHeader }),
      body,
      response: {
        200: incrementAnswer,
        ...tableProblems(...OF_ANY_BODY, ...OF_ANY_ROW_WRITE, 'ERR_PRECONDITION_FAILED', 'ERR_TABLE_FULL'),
      },
    },
    handler: (request, reply) => {
      const key = decodeKey(request.params.key, request.query.keyEncoding);
      const condition = writeCondition(request.headers);
      const ttl = lifetimeOf(request.headers, request.query);
      const { column, by = 1 } = request.body;
      return handles.withRows(request.params.table, (rows) =>
        when(incrementRow(rows, key, column, by, { ttl, condition }), ({ text, revision }) => {
          reply.header('etag', entityTag(revision)).type(JSON_TYPE);
          reply.send(`{"value":${text},"revision":${revision}}`);
        }),
      );
    },
  });
}
