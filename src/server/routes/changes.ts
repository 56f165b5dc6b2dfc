import { ShmTableError, show } from '../../errors.js';
import type { ChangeSource, EventStreams } from '../event-stream.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { ConflictError } from '../problems.js';
import { problemResponse, tableProblems } from '../route-problems.js';
import { keyEncoding, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { ServedTable, TableHandles } from '../table-handles.js';

const SEQUENCE = /^(0|[1-9][0-9]{0,15})$/;

const query = Type.Object({
  prefix: Type.Optional(Type.String({ description: 'Send only changes of keys that start with this' })),
  since: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Send only changes after this sequence number; by default, changes from now on',
    }),
  ),
  keyEncoding,
});

const headers = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ description: 'The last sequence number that the client received; takes precedence over `since`' }),
  ),
});

const events = {
  200: {
    description:
      'Server-Sent Events: `id` is the sequence number, `event` the type (insert, update, delete, expire, evict, or gap ' +
      'when this client has missed changes), and `data` a JSON object. A comment is sent every 15 seconds.',
    content: {
      'text/event-stream': {
        schema: Type.String({
          examples: [
            'id: 17\nevent: update\ndata: {"sequence":17,"type":"update","key":"5128581","revision":3676681660553217}\n\n',
          ],
        }),
      },
    },
  },
} as const;

/** `/v1/tables/{table}/changes`: the table's change feed. */
export function changesRoutes(app: RoutesApp, handles: TableHandles, streams: EventStreams): void {
  app.get(
    '/tables/:table/changes',
    {
      config: { scope: 'read', stream: true },
      schema: {
        operationId: 'watchChanges',
        tags: ['tables'],
        summary: 'Streams the changes of a table as they are committed',
        params: tableParameters,
        querystring: query,
        headers,
        response: { ...events, ...tableProblems(), 409: problemResponse(409, ['ERR_ARGUMENT']) },
      },
    },
    async (request, reply) => {
      const { prefix = '', keyEncoding } = request.query;
      const since = lastEventId(request.headers['last-event-id']) ?? request.query.since;
      const wanted = { prefix: decodeKey(prefix, keyEncoding), since };
      const source = handles.use(request.params.table, (served) => openSource(served, wanted));
      reply
        .type('text/event-stream')
        .header('Cache-Control', 'no-store')
        .header('X-Accel-Buffering', 'no')
        .header('Connection', 'close')
        .hijack();
      reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>);
      if (request.method === 'HEAD') {
        await source.return?.();
        reply.raw.end();
      } else {
        await streams.send(source, reply.raw);
      }
      return reply;
    },
  );
}

function openSource(
  { table, engine }: ServedTable,
  { prefix, since }: { prefix: string; since: number | undefined },
): ChangeSource {
  if (table.changes === 0) {
    throw new ConflictError('ERR_ARGUMENT', `table ${table.name} has no change feed: it was created with changes = 0`);
  }
  return engine.watch({ prefix, since });
}

/** A client sends back the `id` of the last event that it received; an empty header counts as absent. */
function lastEventId(value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  if (!SEQUENCE.test(value)) {
    throw new ShmTableError('ERR_ARGUMENT', `Last-Event-ID must be a sequence number, got ${show(value)}`);
  }
  return Number(value);
}
