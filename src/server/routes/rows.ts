import { ShmTableError } from '../../errors.js';
import { DEFAULT_SCAN_LIMIT } from '../../table/defaults.js';
import { compressAnswer } from '../compression.js';
import { type Eventual, when } from '../eventual.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { answerInPieces } from '../pieced-answer.js';
import { OF_ANY_BODY, tableProblems } from '../route-problems.js';
import { keyEncoding, namesIn, nothing, rowsAnswer, selectedColumns, tableParameters } from '../route-schemas.js';
import type { Clearing, RowStore } from '../row-store.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { Turns } from '../turns.js';
import { varyBy } from '../vary.js';
import { LINES_TYPE, sendRowLines, wantsLines } from './row-lines.js';

const MAX_LIMIT = 1000;
/** Time limit for filling a page, after which it is sent with the rows found so far. */
const SEARCH_MS = 200;
/** Maximum bytes of a page that wait for a slow client; the rest is read from the table afterwards. */
const MAX_UNREAD_BYTES = 256 * 1024;

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
export function rowsRoutes(app: RoutesApp, handles: TableHandles, answerBytes: number): void {
  const url = '/tables/:table/rows';

  app.get(
    url,
    {
      onSend: compressAnswer,
      config: { scope: 'read', endsWithToken: true },
      schema: {
        operationId: 'listRows',
        tags: ['rows'],
        summary: 'Lists rows; a row present for the whole listing appears exactly once',
        description:
          `With \`Accept: ${LINES_TYPE}\` the response is not a page but all rows, one in each line; \`cursor\` and ` +
          '`limit` are then invalid.',
        params: tableParameters,
        querystring: query,
        response: { 200: rowsAnswer, ...tableProblems('ERR_COLUMN_UNKNOWN', 'ERR_ANSWER_TOO_LARGE') },
      },
    },
    async (request, reply) => {
      const { cursor, limit = DEFAULT_SCAN_LIMIT, prefix, columns, keyEncoding } = request.query;
      const { table } = request.params;
      const wanted = prefix === undefined ? undefined : decodeKey(prefix, keyEncoding);
      const names = namesIn(columns);
      varyBy(reply, 'Accept');
      if (wantsLines(request.headers.accept)) {
        if (cursor !== undefined || request.query.limit !== undefined) {
          throw new ShmTableError('ERR_ARGUMENT', `cursor and limit are for pages; ${LINES_TYPE} has all rows`);
        }
        return sendRowLines(reply, handles, { table, prefix: wanted, columns: names });
      }
      const turns = new Turns();
      reply.type('application/json');
      return answerInPieces(reply, { maxUnreadBytes: MAX_UNREAD_BYTES }, async (answer) => {
        let count = 0;
        let next: string | null | undefined = cursor;
        answer.add('{"rows":[');
        do {
          if (turns.isOver) await turns.next();
          await answer.room();
          next = await handles.withRows(table, (rows) => {
            const write = rows.codec.select(names);
            const step = rows.page(next ?? undefined, {
              limit: limit - count,
              roomBytes: answerBytes - answer.bytes,
              prefix: wanted,
              columns: names,
            });
            return when(step, ({ entries, cursor }) => {
              for (const entry of entries) {
                answer.add(`${count++ === 0 ? '' : ','}${rows.codec.writeEnvelope(entry, write)}`);
              }
              return cursor;
            });
          });
          // Few of millions of keys may have the prefix.
        } while (
          next !== null &&
          count < limit &&
          answer.bytes < answerBytes &&
          turns.spentMs < SEARCH_MS &&
          !answer.isUnwanted
        );
        answer.add(`],"cursor":${JSON.stringify(next)}}`);
      });
    },
  );

  app.delete(
    url,
    {
      config: { scope: 'admin', endsWithToken: true },
      schema: {
        operationId: 'clearTable',
        tags: ['rows'],
        summary: 'Deletes all rows, one at a time',
        params: tableParameters,
        response: { 204: nothing('All rows were deleted'), ...tableProblems(...OF_ANY_BODY, 'ERR_OUTCOME_UNKNOWN') },
      },
    },
    async (request, reply) => {
      const turns = new Turns();
      // If the table is destroyed meanwhile, so are its rows, and a new one of the same name is not to be cleared.
      let cleared: { readonly identity: object; readonly clearing: Clearing } | undefined;
      const step = (rows: RowStore): Eventual<boolean> => {
        cleared ??= { identity: rows.identity, clearing: rows.clear() };
        return rows.identity === cleared.identity ? cleared.clearing.step() : true;
      };
      while (!(await handles.withRows(request.params.table, step))) {
        if (turns.isOver) await turns.next();
        if (request.isRevoked) return reply;
      }
      return reply.code(204).send(undefined);
    },
  );
}
