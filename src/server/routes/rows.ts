import { Type } from 'typebox';
import { decodeKey } from '../key-encoding.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { keyEncoding, namesIn, nothing, pageAnswer, selectedColumns, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

const query = Type.Object({
  cursor: Type.Optional(Type.String({ description: 'Where the page before ended' })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'Most rows of the page' }),
  ),
  prefix: Type.Optional(Type.String({ description: 'Only keys that begin with this' })),
  columns: selectedColumns,
  keyEncoding,
});

/** `/v1/tables/{table}/rows`: all rows, page by page. */
export function rowsRoutes(app: RoutesApp, handles: TableHandles): void {
  const url = '/tables/:table/rows';

  app.get(
    url,
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listRows',
        tags: ['rows'],
        summary: 'Lists rows; one that is there throughout comes exactly once',
        params: tableParameters,
        querystring: query,
        response: { 200: pageAnswer, ...tableProblems('ERR_COLUMN_UNKNOWN') },
      },
    },
    async (request, reply) => {
      const { cursor, limit = DEFAULT_LIMIT, prefix, columns, keyEncoding } = request.query;
      const text = handles.use(request.params.table, ({ table, codec }) => {
        const selection = codec.select(namesIn(columns));
        const page = table.scan({
          cursor,
          limit,
          prefix: prefix === undefined ? undefined : decodeKey(prefix, keyEncoding),
          columns: columns === undefined ? undefined : codec.names(selection),
        });
        const rows = page.entries.map((entry) => codec.writeEnvelope(entry, selection));
        return `{"rows":[${rows.join(',')}],"cursor":${JSON.stringify(page.cursor)}}`;
      });
      return reply.type('application/json').send(text);
    },
  );

  app.delete(
    url,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'clearTable',
        tags: ['rows'],
        summary: 'Deletes every row, one by one',
        params: tableParameters,
        response: { 204: nothing('Cleared'), ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      handles.use(request.params.table, ({ table }) => table.clear());
      return reply.code(204).send(undefined);
    },
  );
}
