/** The service's settings: their schema, which also ships as JSON Schema for editors, and their defaults. */
import { availableParallelism } from 'node:os';
import { type Static, Type } from 'typebox';
import type { Columns, TableOptions } from '../../table/types.js';
import {
  type CorsSettings,
  cors,
  DEFAULT_WINDOW_MS,
  type RateLimitSettings,
  rateLimit,
  type TlsSettings,
  type TokenSettings,
  tls,
  tokens,
  tokensFile,
} from './security-schema.js';

const MAX_PORT = 65_535;
const MAX_WORKERS = 1024;
const MAX_TIMER_MS = 2 ** 31 - 1;

const names = { pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$' };

const table = Type.Object(
  {
    capacity: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: 'Rows; exactly this many fit' }),
    columns: Type.Unsafe<Columns>({
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Column names, each with its type',
      examples: [{ hits: 'int64', name: 'string(80)' }],
    }),
    maxKeyBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 255, default: 63 })),
    backend: Type.Optional(
      Type.Unsafe<NonNullable<TableOptions['backend']>>({
        type: 'string',
        enum: ['posix', 'anonymous', 'sysv', 'file', 'devzero', 'auto'],
        default: 'posix',
      }),
    ),
    path: Type.Optional(Type.String({ minLength: 1, description: 'Path of the file, for the file backend' })),
    hugePages: Type.Optional(Type.Boolean({ default: false })),
    evict: Type.Optional(Type.Unsafe<'none' | 'lru'>({ type: 'string', enum: ['none', 'lru'], default: 'none' })),
    changes: Type.Optional(Type.Integer({ minimum: 0, default: 0, description: 'Bytes of change feed' })),
    maxParticipants: Type.Optional(Type.Integer({ minimum: 1, maximum: 1024, default: 128 })),
  },
  { additionalProperties: false },
);

export type TableSettings = Static<typeof table>;

/** The limits of a request. */
const limits = Type.Object(
  {
    bodyBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 2 ** 30, default: 16 * 1024 * 1024 })),
    requestTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMER_MS,
        default: 30_000,
        description: 'For a request to arrive; 0: none',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Where and when snapshots are taken. */
const snapshots = Type.Object(
  {
    // Optional by itself: file and environment may each give a part.
    dir: Type.Optional(Type.String({ minLength: 1, description: 'Directory of the snapshots; required' })),
    everyMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: MAX_TIMER_MS, default: 0, description: 'How often; 0: on no schedule' }),
    ),
    keep: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, default: 3, description: 'Snapshots kept of each table' }),
    ),
    atShutdown: Type.Optional(Type.Boolean({ default: true })),
    restoreAtStart: Type.Optional(
      Type.Boolean({ default: true, description: 'Make missing tables of their newest sound snapshots' }),
    ),
  },
  { additionalProperties: false },
);

type GivenSnapshots = Static<typeof snapshots>;

export type SnapshotSettings = Required<GivenSnapshots>;

/** What a configuration file may hold. */
export const settingsSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'Where this schema is, for editors' })),
    host: Type.Optional(Type.String({ minLength: 1, default: '127.0.0.1' })),
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_PORT, default: 7070 })),
    socket: Type.Optional(
      Type.String({ minLength: 1, description: 'Path of a Unix socket, instead of host and port' }),
    ),
    workers: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_WORKERS, description: 'Default: the available cores' }),
    ),
    namespace: Type.Optional(Type.String({ ...names, default: 'default' })),
    tables: Type.Optional(
      Type.Unsafe<Record<string, TableSettings>>({
        type: 'object',
        propertyNames: names,
        additionalProperties: table,
        description: 'Tables to create at start, by name',
      }),
    ),
    tokens: Type.Optional(tokens),
    tokensFile: Type.Optional(tokensFile),
    tls: Type.Optional(tls),
    cors: Type.Optional(cors),
    rateLimit: Type.Optional(rateLimit),
    limits: Type.Optional(limits),
    snapshots: Type.Optional(snapshots),
    logLevel: Type.Optional(
      Type.Unsafe<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'>({
        type: 'string',
        enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        default: 'info',
      }),
    ),
  },
  { additionalProperties: false, title: 'shmtable.config.json' },
);

export type GivenSettings = Static<typeof settingsSchema>;

/** Settings with every default filled in. */
export interface ServiceSettings {
  readonly host: string;
  readonly port: number;
  readonly socket: string | undefined;
  readonly workers: number;
  readonly namespace: string;
  readonly tables: Readonly<Record<string, TableSettings>>;
  /** At most one of the two; without both, whoever reaches the service may do everything. */
  readonly tokens: readonly TokenSettings[] | undefined;
  readonly tokensFile: string | undefined;
  readonly tls: TlsSettings | undefined;
  readonly cors: CorsSettings | undefined;
  readonly rateLimit: RateLimitSettings | undefined;
  readonly limits: { readonly bodyBytes: number; readonly requestTimeoutMs: number };
  /** Undefined when no directory is configured. */
  readonly snapshots: SnapshotSettings | undefined;
  readonly logLevel: NonNullable<GivenSettings['logLevel']>;
}

export function withDefaults(given: GivenSettings): ServiceSettings {
  return {
    host: given.host ?? '127.0.0.1',
    port: given.port ?? 7070,
    socket: given.socket,
    workers: given.workers ?? availableParallelism(),
    namespace: given.namespace ?? 'default',
    tables: given.tables ?? {},
    tokens: given.tokens,
    tokensFile: given.tokensFile,
    tls: tlsSettings(given.tls ?? {}),
    cors: given.cors,
    rateLimit: rateLimitSettings(given.rateLimit ?? {}),
    limits: {
      bodyBytes: given.limits?.bodyBytes ?? 16 * 1024 * 1024,
      requestTimeoutMs: given.limits?.requestTimeoutMs ?? 30_000,
    },
    snapshots: given.snapshots?.dir === undefined ? undefined : snapshotSettings(given.snapshots, given.snapshots.dir),
    logLevel: given.logLevel ?? 'info',
  };
}

function snapshotSettings(given: GivenSnapshots, dir: string): SnapshotSettings {
  return {
    dir,
    everyMs: given.everyMs ?? 0,
    keep: given.keep ?? 3,
    atShutdown: given.atShutdown ?? true,
    restoreAtStart: given.restoreAtStart ?? true,
  };
}

function tlsSettings({ cert, key }: NonNullable<GivenSettings['tls']>): TlsSettings | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function rateLimitSettings({
  max,
  windowMs = DEFAULT_WINDOW_MS,
}: NonNullable<GivenSettings['rateLimit']>): RateLimitSettings | undefined {
  return max === undefined ? undefined : { max, windowMs };
}
