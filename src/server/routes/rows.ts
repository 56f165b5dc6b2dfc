import { DEFAULT_SCAN_LIMIT } from '../../table/defaults.js';
import type { BucketNumber } from '../../table/layout/units.js';
import { Turns } from '../../table/turns.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { keyEncoding, namesIn, nothing, pageAnswer, selectedColumns, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const MAX_LIMIT = 1000;
/** Time limit for filling a page, after which it is sent with the rows found so far. */
const SEARCH_MS = 200;
/** Buckets cleared between two looks at the clock: some 7,000 rows of a full table. */
const BUCKETS_AT_ONCE = 1024;

const query = Type.Object({
  cursor: Type.Optional(Type.String({ description: 'The cursor returned with the previous page' })),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_SCAN_LIMIT,
      description: 'Maximum number of rows in the page',
    }),
  ),
  prefix: Type.Optional(Type.String({ description: 'Return only rows whose key starts with this' })),
  columns: selectedColumns,
  keyEncoding,
});

/** `/v1/tables/{table}/rows`: all rows, one page at a time. */
export function rowsRoutes(app: RoutesApp, handles: TableHandles): void {
  const url = '/tables/:table/rows';

  app.get(
    url,
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listRows',
        tags: ['rows'],
        summary: 'Lists rows; a row present for the whole listing appears exactly once',
        params: tableParameters,
        querystring: query,
        response: { 200: pageAnswer, ...tableProblems('ERR_COLUMN_UNKNOWN') },
      },
    },
    async (request, reply) => {
      const { cursor, limit = DEFAULT_SCAN_LIMIT, prefix, columns, keyEncoding } = request.query;
      const wanted = prefix === undefined ? undefined : decodeKey(prefix, keyEncoding);
      const rows: string[] = [];
      const turns = new Turns();
      /** Adds the rows after a cursor and returns the next cursor. */
      const addFrom = (from: string | undefined): string | null =>
        handles.use(request.params.table, ({ table, codec }) => {
          const names = namesIn(columns);
          const write = codec.select(names);
          const page = table.scan({
            cursor: from,
            limit: limit - rows.length,
            prefix: wanted,
            columns: names,
          });
          for (const entry of page.entries) rows.push(codec.writeEnvelope(entry, write));
          return page.cursor;
        });
      let next = addFrom(cursor);
      // Few of millions of keys may have the prefix.
      while (next !== null && rows.length < limit && turns.spentMs < SEARCH_MS) {
        if (turns.isOver) await turns.next();
        next = addFrom(next);
      }
      return reply.type('application/json').send(`{"rows":[${rows.join(',')}],"cursor":${JSON.stringify(next)}}`);
    },
  );

  app.delete(
    url,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'clearTable',
        tags: ['rows'],
        summary: 'Deletes all rows, one at a time',
        params: tableParameters,
        response: { 204: nothing('All rows were deleted'), ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      const turns = new Turns();
      const locked: BucketNumber[] = [];
      for (let from: number | undefined = 0; from !== undefined; ) {
        const begin: number = from;
        from = handles.use(request.params.table, ({ engine }) =>
          engine.removal.clearFrom(begin, BUCKETS_AT_ONCE, locked),
        );
        if (turns.isOver) await turns.next();
      }
      handles.use(request.params.table, ({ engine }) => engine.removal.clearLocked(locked));
      return reply.code(204).send(undefined);
    },
  );
}
