import { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import { MAX_TIMEOUT_MS } from '../../table/options.js';
import type { Alteration, AlterOptions, Columns } from '../../table/types.js';
import type { ClusterTableInfo } from '../cluster-tables.js';
import { compressAnswer } from '../compression.js';
import { nullable, Type } from '../json-schema.js';
import { ConflictError } from '../problems.js';
import { requestValidation } from '../request-validation.js';
import { OF_ANY_BODY, problemResponse, tableProblems } from '../route-problems.js';
import { columns, jsonAnswer, locationHeader, nothing, tableCounters, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TakenSnapshot } from '../snapshot-taker.js';
import { CREATABLE_BACKENDS, type ServedTable, type TableHandles } from '../table-handles.js';
import { backendOption, tableOption } from '../table-option-schemas.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Called before a table is destroyed, so that it is not restored from its snapshots. */
    noteDeletion?: (table: string) => Promise<void>;
    /** Called after a table was altered. */
    noteAlteration?: (table: string, alteration: Alteration) => void;
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
    ...tableCounters,
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

const clusterState = Type.Object(
  {
    primaries: count,
    connected: { ...count, description: 'Primaries to which this worker is connected' },
    near: Type.Optional(
      Type.Object(
        {
          hits: count,
          misses: count,
          fills: count,
          grants: { ...count, description: 'Primaries whose changes arrive; 0 if nothing is known to be current' },
        },
        { description: 'Reads of this worker, and the feed of this host; only with a near cache' },
      ),
    ),
  },
  { description: 'Only of a table in a cluster' },
);

const description = Type.Object({
  name: Type.String(),
  columns,
  capacity: nullable<number>(
    Type.Integer({ minimum: 1, description: 'Maximum number of rows; null for a table in a cluster' }),
  ),
  maxKeyBytes: count,
  evict: nullable<string>(Type.String({ description: 'Null for a table in a cluster', examples: ['none'] })),
  changes: Type.Integer({ minimum: 0, description: 'Size of the change feed in bytes; 0 for none' }),
  heap: Type.Optional(
    Type.Object(
      { bytes: count, blockBytes: count },
      { description: 'Room for values outside their rows; only of a table with text, blob or json columns' },
    ),
  ),
  schemaVersion: Type.Integer({
    minimum: 0,
    description: 'The version of the schema, as the program that set it counts',
  }),
  backend: Type.String({ description: 'The kind of memory, or `cluster`' }),
  rows: nullable<number>({ ...count, description: 'Null for a table in a cluster: see countRows' }),
  stats: nullable<Static<typeof statistics>>(statistics),
  cluster: Type.Optional(clusterState),
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
    backend: backendOption(CREATABLE_BACKENDS),
  },
  {
    additionalProperties: false,
    examples: [
      { capacity: 200_000, columns: { population: 'int32', country: 'string(2)' } },
      { capacity: 10_000, columns: { session: 'json', seen: 'int64' }, heap: 16_777_216 },
    ],
  },
);

const someColumns = (description: string) => Type.Optional(Type.Unsafe<Columns>({ ...columns, description }));

const alteration = Type.Object(
  {
    capacity: Type.Optional(tableOption.capacity),
    add: someColumns('Columns to append; zero, false or empty in the rows that exist'),
    drop: Type.Optional(Type.Array(Type.String(), { description: 'Columns to remove' })),
    type: someColumns(
      'Columns to give another type: a number another type of number, a string another length or `text`, bytes likewise',
    ),
    columns: someColumns('All columns in order, instead of `add`, `drop` and `type`'),
    heap: kept<AlterOptions['heap']>(tableOption.heap),
    maxKeyBytes: kept<number>(tableOption.maxKeyBytes),
    evict: kept<'none' | 'lru'>(tableOption.evict),
    changes: kept<number>(tableOption.changes),
    maxParticipants: kept<number>(tableOption.maxParticipants),
    schemaVersion: tableOption.schemaVersion,
  },
  {
    additionalProperties: false,
    examples: [
      { capacity: 400_000, add: { area: 'float64' } },
      { type: { name: 'string(200)' }, drop: ['lat', 'lon'] },
    ],
  },
);

/** The schema of an option that keeps its value if it is not given. */
function kept<T>({ default: _, ...option }: object & { readonly default?: unknown }) {
  return Type.Optional(Type.Unsafe<T>(option));
}

/** `/v1/tables/{table}`: a table's schema and statistics, its creation, its alteration, its destruction, its snapshots. */
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
    async (request) => {
      const { table } = request.params;
      const remote = handles.inCluster?.info(table);
      return remote === undefined ? handles.use(table, describe) : describeRemote(remote);
    },
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
      handles.inCluster?.refuse(table, 'which only the configuration of the service defines');
      const { lockTimeoutMs: _, ...options } = request.body;
      const { created } = await handles.createInTurns({ ...options, name: table });
      if (created) reply.code(201).header('Location', publicUrl + request.target.path);
      return handles.use(table, describe);
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
        response: {
          204: nothing('The table was destroyed'),
          ...tableProblems(...OF_ANY_BODY, 'ERR_BACKEND_UNSUPPORTED'),
        },
      },
    },
    async (request, reply) => {
      const { table } = request.params;
      handles.inCluster?.refuse(
        table,
        'and other hosts may use it: clear it with DELETE on its rows, and remove it from the configuration',
      );
      if (app.noteDeletion !== undefined && handles.exists(table)) {
        for (const each of handles.destroyedWith(table)) await app.noteDeletion(each);
      }
      handles.destroy(table);
      return reply.code(204).send(undefined);
    },
  );

  alterationRoute(app, handles);
  snapshotRoute(app, handles);
}

/** `PATCH /v1/tables/{table}`: another schema for a table in use. */
function alterationRoute(app: RoutesApp, handles: TableHandles): void {
  app.patch(
    '/tables/:table',
    {
      validatorCompiler: requestValidation('ERR_SCHEMA_INVALID'),
      config: { scope: 'admin', body: 'definition' },
      schema: {
        operationId: 'alterTable',
        tags: ['tables'],
        summary: 'Changes the capacity, the columns or other options of a table while it is in use',
        description:
          'The rows are copied to new memory, which replaces the old in one step for every process; if the request fails, ' +
          'or the service is killed meanwhile, nothing has changed. Rows keep keys, values and expiry, and get new ' +
          'revisions. Reads continue; writes wait for a moment at the end.',
        params: tableParameters,
        body: alteration,
        response: {
          200: jsonAnswer<Description>('The table as it is now', description),
          ...tableProblems(
            ...OF_ANY_BODY,
            'ERR_SCHEMA_INVALID',
            'ERR_COLUMN_UNKNOWN',
            'ERR_COLUMN_TYPE',
            'ERR_VALUE_RANGE',
            'ERR_VALUE_TOO_LONG',
            'ERR_BACKEND_UNSUPPORTED',
            'ERR_TABLE_FULL',
            'ERR_SEGMENT_NO_SPACE',
            'ERR_SEGMENT_TOO_LARGE',
          ),
        },
      },
    },
    async (request) => {
      const { table } = request.params;
      handles.inCluster?.refuse(table, "where columns are added by the configuration, with onMismatch: 'alter'");
      allowAnyTime(request);
      const done = await handles.alter(table, request.body);
      if (done.altered) app.noteAlteration?.(table, done);
      return handles.use(table, describe);
    },
  );
}

/** Copying a large table takes longer than a connection may be idle. Only a real connection has a timeout. */
function allowAnyTime({ raw: { socket } }: FastifyRequest): void {
  if (socket instanceof Socket) socket.setTimeout(0);
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
          ...tableProblems(...OF_ANY_BODY, 'ERR_SEGMENT_NO_SPACE', 'ERR_BACKEND_UNSUPPORTED'),
          409: problemResponse(409, ['ERR_ARGUMENT']),
        },
      },
    },
    async (request) => {
      const { table } = request.params;
      handles.inCluster?.refuse(table, 'whose servers keep its rows: `shmtable dump` writes them to a file');
      handles.use(table, () => undefined);
      if (app.takeSnapshot === undefined) {
        throw new ConflictError('ERR_ARGUMENT', 'the service has no directory of snapshots (setting snapshots.dir)');
      }
      allowAnyTime(request);
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
    schemaVersion: table.schemaVersion,
    backend: table.backend,
    rows: stats.rows,
    stats,
  };
}

function describeRemote({ name, columns, maxKeyBytes, stats }: ClusterTableInfo): Description {
  const { primaries = 0, connected = 0, near } = stats ?? {};
  return {
    name,
    columns,
    capacity: null,
    maxKeyBytes,
    evict: null,
    changes: 0,
    schemaVersion: 0,
    backend: 'cluster',
    rows: null,
    stats: null,
    cluster: {
      primaries,
      connected,
      ...(near !== undefined && {
        near: { hits: near.hits, misses: near.misses, fills: near.fills, grants: near.grants },
      }),
    },
  };
}
