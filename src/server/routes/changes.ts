import { hash } from 'node:crypto';
import { ShmTableError, show } from '../../errors.js';
import { type ChangeSource, changeEvents } from '../change-events.js';
import type { EventStreams } from '../event-stream.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { ConflictError } from '../problems.js';
import { problemResponse, tableProblems } from '../route-problems.js';
import { keyEncoding, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { ServedTable, TableHandles } from '../table-handles.js';

/** The table's incarnation and a sequence number; ids of earlier versions had only the number. */
const EVENT_ID = /^(?:([A-Za-z0-9_-]{12})\.)?(0|[1-9][0-9]{0,15})$/;
const INCARNATION_BYTES = 9;

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
    Type.String({ description: 'The id of the last event that the client received; takes precedence over `since`' }),
  ),
});

const events = {
  200: {
    description:
      'Server-Sent Events: `id` is opaque, `event` the type (insert, update, delete, expire, evict, or gap ' +
      'when this client has missed changes), and `data` a JSON object. A comment is sent every 15 seconds.',
    content: {
      'text/event-stream': {
        schema: Type.String({
          examples: [
            'id: hC3vZQ9xT0aB.17\nevent: update\ndata: {"sequence":17,"type":"update","key":"5128581","revision":3676681660553217}\n\n',
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
      config: { scope: 'read', stream: true, endsWithToken: true },
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
      const last = eventIdOf(request.headers['last-event-id']);
      const prefixWanted = decodeKey(prefix, keyEncoding);
      if (handles.inCluster?.has(request.params.table)) {
        throw new ConflictError('ERR_ARGUMENT', `table ${request.params.table} is in a cluster and has no change feed`);
      }
      const { source, start } = handles.use(request.params.table, (served) => {
        const incarnation = incarnationOf(served);
        const hasMissed = last !== undefined && last.incarnation !== incarnation;
        const since = last === undefined ? request.query.since : hasMissed ? undefined : last.sequence;
        return {
          source: openSource(served, { prefix: prefixWanted, since }),
          start: { idOf: (sequence: number) => `${incarnation}.${sequence}`, hasMissed },
        };
      });
      await streams.answer(reply, changeEvents(source, start));
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

interface EventId {
  readonly incarnation: string | undefined;
  readonly sequence: number;
}

/** A client sends back the `id` of the last event that it received; an empty header counts as absent. */
function eventIdOf(value: string | undefined): EventId | undefined {
  if (value === undefined || value === '') return undefined;
  const [, incarnation, digits] = EVENT_ID.exec(value) ?? [];
  const sequence = Number(digits);
  if (!Number.isSafeInteger(sequence)) {
    throw new ShmTableError('ERR_ARGUMENT', `Last-Event-ID must be the id of an event, got ${show(value)}`);
  }
  return { incarnation, sequence };
}

/** Identifies the table among all tables that ever have its name. */
function incarnationOf({ engine }: ServedTable): string {
  return hash('sha256', engine.identity, 'buffer').subarray(0, INCARNATION_BYTES).toString('base64url');
}
