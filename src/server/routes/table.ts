import { Socket } from 'node:net';
import type { Static } from 'typebox';
import { MAX_TIMEOUT_MS } from '../../table/options.js';
import type { Columns } from '../../table/types.js';
import { compressAnswer } from '../compression.js';
import { Type } from '../json-schema.js';
import { ConflictError } from '../problems.js';
import { requestValidation } from '../request-validation.js';
import { OF_ANY_BODY, problemResponse, tableProblems } from '../route-problems.js';
import { columns, jsonAnswer, locationHeader, nothing, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TakenSnapshot } from '../snapshot-taker.js';
import type { ServedTable, TableHandles } from '../table-handles.js';
import { backendOption, tableOption } from '../table-option-schemas.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Called before a table is destroyed, so that it is not restored from its snapshots. */
    noteDeletion?: (table: string) => Promise<void>;
    /** Takes a snapshot of a table; undefined where there is no directory for them. */
    takeSnapshot?: (handles: TableHandles, table: string) => Promise<TakenSnapshot>;
  }
}

const count = Type.Integer({ minimum: 0 });

const statistics = Type.Object(
  {
    rows: count,
    capacity: count,
    bytes: count,
    spareRows: count,
    overflowBuckets: count,
    longestChain: count,
    inserts: count,
    updates: count,
    deletes: count,
    expirations: count,
    evictions: count,
    recoveries: count,
    lockWaits: count,
    participants: count,
    heap: Type.Optional(
      Type.Object(
        { bytes: count, blockBytes: count, blocks: count, used: count, inFlight: count },
        {
          description:
            'Use of the heap in blocks: `used` by rows, `inFlight` by writes under way; only of a table with such columns',
        },
      ),
    ),
  },
  { description: 'Counters since the table was created; `rows` may include expired rows that are not yet removed' },
);

const description = Type.Object({
  name: Type.String(),
  columns,
  capacity: Type.Integer({ minimum: 1, description: 'Maximum number of rows' }),
  maxKeyBytes: count,
  evict: Type.String({ examples: ['none'] }),
  changes: Type.Integer({ minimum: 0, description: 'Size of the change feed in bytes; 0 for none' }),
  heap: Type.Optional(
    Type.Object(
      { bytes: count, blockBytes: count },
      { description: 'Room for values outside their rows; only of a table with text, blob or json columns' },
    ),
  ),
  backend: Type.String(),
  rows: count,
  stats: statistics,
});

type Description = Static<typeof description>;

const snapshot = Type.Object({
  path: Type.String({ description: 'Path of the file on the machine of the service' }),
  rows: count,
  bytes: count,
});

const creation = Type.Object(
  {
    capacity: tableOption.capacity,
    columns: Type.Unsafe<Columns>(columns),
    maxKeyBytes: tableOption.maxKeyBytes,
    evict: tableOption.evict,
    changes: tableOption.changes,
    heap: tableOption.heap,
    hugePages: tableOption.hugePages,
    lockTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMEOUT_MS,
        description: 'Validated but not used: the service applies its own lock timeout',
      }),
    ),
    maxParticipants: tableOption.maxParticipants,
    backend: backendOption(['posix', 'sysv']),
  },
  {
    additionalProperties: false,
    examples: [
      { capacity: 200_000, columns: { population: 'int32', country: 'string(2)' } },
      { capacity: 10_000, columns: { session: 'json', seen: 'int64' }, heap: 16_777_216 },
    ],
  },
);

/** `/v1/tables/{table}`: a table's schema and statistics, its creation, its destruction and its snapshots. */
export function tableRoutes(app: RoutesApp, handles: TableHandles, publicUrl: string): void {
  const url = '/tables/:table';

  app.get(
    url,
    {
      onSend: compressAnswer,
      config: { scope: 'read' },
      schema: {
        operationId: 'getTable',
        tags: ['tables'],
        summary: 'Gets the schema and statistics of a table',
        params: tableParameters,
        response: { 200: jsonAnswer<Description>('The table', description), ...tableProblems() },
      },
    },
    async (request) => handles.use(request.params.table, describe),
  );

  app.put(
    url,
    {
      validatorCompiler: requestValidation('ERR_SCHEMA_INVALID'),
      config: { scope: 'admin', body: 'definition' },
      schema: {
        operationId: 'createTable',
        tags: ['tables'],
        summary: 'Creates a table, or confirms that it exists with the same schema',
        params: tableParameters,
        body: creation,
        response: {
          200: jsonAnswer<Description>('The table already exists with this schema', description),
          201: jsonAnswer<Description>('The table was created', description, { headers: locationHeader }),
          ...tableProblems(
            ...OF_ANY_BODY,
            'ERR_SCHEMA_MISMATCH',
            'ERR_SCHEMA_INVALID',
            'ERR_BACKEND_UNSUPPORTED',
            'ERR_SEGMENT_NO_SPACE',
            'ERR_SEGMENT_TOO_LARGE',
          ),
        },
      },
    },
    async (request, reply) => {
      const { table } = request.params;
      const { lockTimeoutMs: _, ...options } = request.body;
      const { created, served } = await handles.createInTurns({ ...options, name: table });
      if (created) reply.code(201).header('Location', publicUrl + request.target.path);
      return describe(served);
    },
  );

  app.delete(
    url,
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'destroyTable',
        tags: ['tables'],
        summary: 'Destroys a table for every process',
        params: tableParameters,
        response: { 204: nothing('The table was destroyed'), ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      const { table } = request.params;
      if (app.noteDeletion !== undefined && handles.exists(table)) await app.noteDeletion(table);
      handles.destroy(table);
      return reply.code(204).send(undefined);
    },
  );

  snapshotRoute(app, handles);
}

/** `/v1/tables/{table}/snapshot`: a snapshot on demand. */
function snapshotRoute(app: RoutesApp, handles: TableHandles): void {
  app.post(
    '/tables/:table/snapshot',
    {
      config: { scope: 'admin' },
      schema: {
        operationId: 'takeSnapshot',
        tags: ['tables'],
        summary: 'Writes all rows to a file in the directory of snapshots',
        params: tableParameters,
        response: {
          200: jsonAnswer<TakenSnapshot>('The file', snapshot, {
            example: { path: '/var/lib/shmtable/cities.1767225600000.snapshot', rows: 200_000, bytes: 9_400_000 },
          }),
          ...tableProblems(...OF_ANY_BODY, 'ERR_SEGMENT_NO_SPACE'),
          409: problemResponse(409, ['ERR_ARGUMENT']),
        },
      },
    },
    async (request) => {
      const { table } = request.params;
      handles.use(table, () => undefined);
      if (app.takeSnapshot === undefined) {
        throw new ConflictError('ERR_ARGUMENT', 'the service has no directory of snapshots (setting snapshots.dir)');
      }
      // A snapshot of a large table takes longer than a connection may be idle. Only a real connection has a timeout.
      const { socket } = request.raw;
      if (socket instanceof Socket) socket.setTimeout(0);
      return app.takeSnapshot(handles, table);
    },
  );
}

function describe({ table }: ServedTable): Description {
  const stats = table.stats();
  const { heap } = stats;
  return {
    name: table.name,
    columns: table.columns,
    capacity: table.capacity,
    maxKeyBytes: table.maxKeyBytes,
    evict: table.evict,
    changes: table.changes,
    ...(heap !== undefined && { heap: { bytes: heap.bytes, blockBytes: heap.blockBytes } }),
    backend: table.backend,
    rows: stats.rows,
    stats,
  };
}
