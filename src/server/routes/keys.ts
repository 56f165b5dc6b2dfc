import type { Static } from 'typebox';
import { DEFAULT_SCAN_LIMIT } from '../../table/defaults.js';
import { compressAnswer } from '../compression.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { tableProblems } from '../route-problems.js';
import { jsonAnswer, keyEncoding, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { Turns } from '../turns.js';

const MAX_LIMIT = 1000;
/** Time limit for filling a page, after which it is sent with the keys found so far. */
const SEARCH_MS = 200;
/** Keys that are counted between two reads of the clock. */
const COUNTED_AT_ONCE = 1000;

const prefix = Type.Optional(Type.String({ description: 'Only keys that start with this' }));

const page = Type.Object({
  keys: Type.Array(Type.String()),
  cursor: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
});

const total = Type.Object({ count: Type.Integer({ minimum: 0 }) });

/** `/v1/tables/{table}/keys` and `/v1/tables/{table}/count`: the keys without their rows, and how many there are. */
export function keysRoutes(app: RoutesApp, handles: TableHandles): void {
  listKeys(app, handles);
  countRows(app, handles);
}

function listKeys(app: RoutesApp, handles: TableHandles): void {
  app.get(
    '/tables/:table/keys',
    {
      onSend: compressAnswer,
      config: { scope: 'read' },
      schema: {
        operationId: 'listKeys',
        tags: ['rows'],
        summary: 'Lists keys without their rows; a row present for the whole listing appears exactly once',
        params: tableParameters,
        querystring: Type.Object({
          cursor: Type.Optional(Type.String({ description: 'The cursor returned with the previous page' })),
          limit: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: MAX_LIMIT,
              default: DEFAULT_SCAN_LIMIT,
              description: 'Maximum number of keys in the page',
            }),
          ),
          prefix,
          keyEncoding,
        }),
        response: {
          200: jsonAnswer<Static<typeof page>>(
            'A page of keys; it may be empty although the cursor is not null and more keys follow',
            page,
            { example: { keys: ['5128581'], cursor: null } },
          ),
          ...tableProblems(),
        },
      },
    },
    async (request) => {
      const { cursor, limit = DEFAULT_SCAN_LIMIT, prefix = '', keyEncoding } = request.query;
      const wanted = decodeKey(prefix, keyEncoding);
      const turns = new Turns();
      const keys: string[] = [];
      let next: string | null | undefined = cursor;
      do {
        if (turns.isOver) await turns.next();
        const page = await handles.withRows(request.params.table, (rows) =>
          rows.keys(next ?? undefined, limit - keys.length, wanted),
        );
        for (const key of page.keys) keys.push(key);
        next = page.cursor;
      } while (next !== null && keys.length < limit && turns.spentMs < SEARCH_MS && !request.raw.socket.destroyed);
      return { keys, cursor: next };
    },
  );
}

function countRows(app: RoutesApp, handles: TableHandles): void {
  app.get(
    '/tables/:table/count',
    {
      config: { scope: 'read', endsWithToken: true },
      schema: {
        operationId: 'countRows',
        tags: ['rows'],
        summary: 'Counts rows: all of them at once, those with a prefix one by one',
        params: tableParameters,
        querystring: Type.Object({ prefix, keyEncoding }),
        response: {
          200: jsonAnswer<Static<typeof total>>('The number of rows', total, { example: { count: 200_000 } }),
          ...tableProblems(),
        },
      },
    },
    async (request) => {
      const { prefix = '', keyEncoding } = request.query;
      const wanted = decodeKey(prefix, keyEncoding);
      const { table: name } = request.params;
      const size = wanted === '' ? await handles.withRows(name, (rows) => rows.size) : undefined;
      if (typeof size === 'number') return { count: size };
      const turns = new Turns();
      let count = 0;
      let next: string | null | undefined;
      do {
        if (turns.isOver) await turns.next();
        const page = await handles.withRows(name, (rows) => rows.keys(next ?? undefined, COUNTED_AT_ONCE, wanted));
        count += page.keys.length;
        next = page.cursor;
        // The rest is not needed when the client has disconnected.
      } while (next !== null && !request.raw.socket.destroyed);
      return { count };
    },
  );
}
