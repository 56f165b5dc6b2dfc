/** Settings of one table: in shared memory, or, with the setting `cluster`, in a cluster of Redis or Valkey servers. */
import type { Static } from 'typebox';
import { CLUSTER_LIMITS } from '../../cluster/defaults.js';
import { BACKEND_NAMES } from '../../memory/index.js';
import type { Columns } from '../../table/types.js';
import { Type } from '../json-schema.js';
import { backendOption, tableOption } from '../table-option-schemas.js';

/** `recreate` is not offered: a service would lose all rows by a mistake in its configuration. */
export const onMismatch = Type.Unsafe<'throw' | 'alter'>({ type: 'string', enum: ['throw', 'alter'] });

const columns = Type.Unsafe<Columns>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Column names, each with its type',
  examples: [{ hits: 'int64', name: 'string(80)' }],
});

const onMismatchOfTable = Type.Optional(
  Type.Unsafe<'throw' | 'alter'>({ ...onMismatch, description: 'By default that of all tables' }),
);

const sharedTable = Type.Object(
  {
    capacity: tableOption.capacity,
    columns,
    maxKeyBytes: tableOption.maxKeyBytes,
    backend: backendOption(BACKEND_NAMES),
    path: Type.Optional(
      Type.String({ minLength: 1, description: 'Path of the table file; for the file backend only' }),
    ),
    hugePages: tableOption.hugePages,
    evict: tableOption.evict,
    changes: tableOption.changes,
    heap: tableOption.heap,
    maxParticipants: tableOption.maxParticipants,
    schemaVersion: tableOption.schemaVersion,
    onMismatch: onMismatchOfTable,
  },
  { additionalProperties: false },
);

function milliseconds({ least, most, ...rest }: { least: number; most: number; default: number }, description: string) {
  return Type.Optional(Type.Integer({ minimum: least, maximum: most, default: rest.default, description }));
}

function fileOf(what: string) {
  return Type.Optional(Type.String({ minLength: 1, description: `Path of ${what} in PEM` }));
}

const connection = Type.Object(
  {
    nodes: Type.Array(Type.String({ pattern: '^rediss?://' }), {
      minItems: 1,
      description: 'Some of the servers, redis://host:port or rediss://host:port; the others are found through them',
      examples: [['rediss://10.0.0.1:6379', 'rediss://10.0.0.2:6379']],
    }),
    username: Type.Optional(Type.String({ minLength: 1 })),
    password: Type.Optional(Type.String({ minLength: 1 })),
    tls: Type.Optional(
      Type.Object(
        {
          ca: fileOf('the authorities that sign the certificates of the servers'),
          cert: fileOf("the client's own certificate"),
          key: fileOf('the private key of that certificate'),
          passphrase: Type.Optional(Type.String({ description: 'Of the private key' })),
          servername: Type.Optional(Type.String({ minLength: 1, description: 'Name in the certificates' })),
          rejectUnauthorized: Type.Optional(Type.Boolean({ default: true })),
        },
        { additionalProperties: false, description: 'For nodes of the form rediss://; the files are read at startup' },
      ),
    ),
    timeoutMs: milliseconds(CLUSTER_LIMITS.timeoutMs, 'After how many milliseconds a command without an answer fails'),
  },
  { additionalProperties: false, description: 'The servers that have the rows' },
);

const nearOptions = Type.Object(
  {
    capacity: tableOption.capacity,
    maxStaleMs: milliseconds(
      CLUSTER_LIMITS.maxStaleMs,
      'A row from the near cache was current at most this many milliseconds ago',
    ),
    maxAgeMs: milliseconds(
      CLUSTER_LIMITS.maxAgeMs,
      'For how many milliseconds a row stays without being read at its primary again',
    ),
    heap: tableOption.heap,
    maxParticipants: tableOption.maxParticipants,
  },
  { additionalProperties: false },
);

const clusterTable = Type.Object(
  {
    columns,
    maxKeyBytes: tableOption.maxKeyBytes,
    onMismatch: onMismatchOfTable,
    cluster: connection,
    near: Type.Optional(
      Type.Unsafe<Static<typeof nearOptions> | false>({
        ...nearOptions,
        type: ['object', 'boolean'],
        if: { type: 'object' },
        else: { const: false },
        description: 'Keeps rows in the shared memory of this host; false, the default, for none',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * Two conditions with `else`, because the validator says what is wrong with a value only there; of `then` and `anyOf` it
 * says nothing, or too much.
 */
export const tableSettings = {
  allOf: [
    { if: { required: ['cluster'] }, else: sharedTable },
    { if: { not: { required: ['cluster'] } }, else: clusterTable },
  ],
};

export type SharedTableSettings = Static<typeof sharedTable>;
export type ClusterTableSettings = Static<typeof clusterTable>;
export type TableSettings = SharedTableSettings | ClusterTableSettings;

type Tables<T> = Readonly<Record<string, T>>;

export function isInCluster(settings: TableSettings): settings is ClusterTableSettings {
  return 'cluster' in settings;
}

/** Those in shared memory. */
export function sharedTables(tables: Tables<TableSettings>): Tables<SharedTableSettings> {
  return Object.fromEntries(
    Object.entries(tables).flatMap(([name, table]) => (isInCluster(table) ? [] : [[name, table]])),
  );
}

/** Those in a cluster. */
export function clusterTables(tables: Tables<TableSettings>): Tables<ClusterTableSettings> {
  return Object.fromEntries(
    Object.entries(tables).flatMap(([name, table]) => (isInCluster(table) ? [[name, table]] : [])),
  );
}
