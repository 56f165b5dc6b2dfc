/** The service's settings: their schema, which also ships as JSON Schema for editors, and their defaults. */
import { availableParallelism } from 'node:os';
import type { Static } from 'typebox';
import { NAME } from '../../table/options.js';
import { Type } from '../json-schema.js';
import { SERVICE_DEFAULTS } from './defaults.js';
import {
  type CorsSettings,
  cors,
  publicUrl,
  type RateLimitSettings,
  rateLimit,
  type TlsSettings,
  type TokenSettings,
  tls,
  tokens,
  tokensFile,
  trustedProxies,
} from './security-schema.js';
import { onMismatch, type TableSettings, tableSettings } from './table-schema.js';

const MAX_PORT = 65_535;
const MAX_WORKERS = 1024;
/** A body becomes a string, which cannot be longer in V8. */
const MAX_STRING_LENGTH = 2 ** 29 - 24;
const MAX_TIMER_MS = 2 ** 31 - 1;

const names = { pattern: NAME.source };

/** Limits on requests. */
const limits = Type.Object(
  {
    bodyBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_STRING_LENGTH,
        default: SERVICE_DEFAULTS.limits.bodyBytes,
        description: 'Minimum body limit of every route in bytes; a route whose own limit is higher keeps that',
      }),
    ),
    answerBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 30,
        default: SERVICE_DEFAULTS.limits.answerBytes,
        description: 'Bytes of rows after which a page or the results of a batch end',
      }),
    ),
    connections: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 31 - 1,
        default: SERVICE_DEFAULTS.limits.connections,
        description: 'Connections of a worker; further ones are refused with 503',
      }),
    ),
    requestTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMER_MS,
        default: SERVICE_DEFAULTS.limits.requestTimeoutMs,
        description: 'Time for a request to arrive, in milliseconds; 0 for no limit',
      }),
    ),
    drainTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_TIMER_MS,
        default: SERVICE_DEFAULTS.limits.drainTimeoutMs,
        description: 'Time for requests that are in progress at a reload, in milliseconds',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Where and when snapshots are taken. */
const snapshots = Type.Object(
  {
    // Optional by itself: the file may set one member and the environment another.
    dir: Type.Optional(Type.String({ minLength: 1, description: 'Directory of the snapshots; required' })),
    everyMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMER_MS,
        default: SERVICE_DEFAULTS.snapshots.everyMs,
        description: 'Interval between snapshots in milliseconds; 0 for no schedule',
      }),
    ),
    keep: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        default: SERVICE_DEFAULTS.snapshots.keep,
        description: 'Number of snapshots to keep of each table',
      }),
    ),
    atShutdown: Type.Optional(Type.Boolean({ default: SERVICE_DEFAULTS.snapshots.atShutdown })),
    restoreAtStart: Type.Optional(
      Type.Boolean({
        default: SERVICE_DEFAULTS.snapshots.restoreAtStart,
        description: 'Whether to restore missing tables from their newest valid snapshots',
      }),
    ),
  },
  { additionalProperties: false },
);

type GivenSnapshots = Static<typeof snapshots>;

export type SnapshotSettings = Required<GivenSnapshots>;

/** The contents of a configuration file. */
export const settingsSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'Location of this schema, for editors' })),
    host: Type.Optional(Type.String({ minLength: 1, default: SERVICE_DEFAULTS.host })),
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_PORT, default: SERVICE_DEFAULTS.port })),
    socket: Type.Optional(
      Type.String({ minLength: 1, description: 'Path of a Unix socket, instead of host and port' }),
    ),
    workers: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_WORKERS,
        description: 'Number of worker processes; by default the number of available cores',
      }),
    ),
    namespace: Type.Optional(Type.String({ ...names, default: SERVICE_DEFAULTS.namespace })),
    tables: Type.Optional(
      Type.Unsafe<Record<string, TableSettings>>({
        type: 'object',
        propertyNames: names,
        additionalProperties: tableSettings,
        description: 'Tables to create at startup, by name, and tables in a cluster of Redis or Valkey servers',
      }),
    ),
    onMismatch: Type.Optional(
      Type.Unsafe<'throw' | 'alter'>({
        ...onMismatch,
        default: SERVICE_DEFAULTS.onMismatch,
        description: 'Whether to alter existing tables that have another schema than in `tables`, or not to start',
      }),
    ),
    tokens: Type.Optional(tokens),
    tokensFile: Type.Optional(tokensFile),
    tls: Type.Optional(tls),
    cors: Type.Optional(cors),
    rateLimit: Type.Optional(rateLimit),
    limits: Type.Optional(limits),
    snapshots: Type.Optional(snapshots),
    workerHeader: Type.Optional(
      Type.Boolean({
        default: SERVICE_DEFAULTS.workerHeader,
        description: 'Whether every response names the process of its worker in Shm-Worker',
      }),
    ),
    docs: Type.Optional(
      Type.Boolean({
        default: SERVICE_DEFAULTS.docs,
        description: 'Whether there is a page about the routes at /docs',
      }),
    ),
    ui: Type.Optional(
      Type.Boolean({
        default: SERVICE_DEFAULTS.ui,
        description: 'Whether there is a console at /ui, a page on which to see and change tables',
      }),
    ),
    publicUrl: Type.Optional(publicUrl),
    trustedProxies: Type.Optional(trustedProxies),
    accessLog: Type.Optional(
      Type.Boolean({ default: SERVICE_DEFAULTS.accessLog, description: 'Whether to log every request' }),
    ),
    logLevel: Type.Optional(
      Type.Unsafe<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'>({
        type: 'string',
        enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        default: SERVICE_DEFAULTS.logLevel,
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
  readonly onMismatch: 'throw' | 'alter';
  /** At most one of the two is set; with neither, every request that reaches the service is allowed. */
  readonly tokens: readonly TokenSettings[] | undefined;
  readonly tokensFile: string | undefined;
  readonly tls: TlsSettings | undefined;
  readonly cors: CorsSettings | undefined;
  readonly rateLimit: RateLimitSettings | undefined;
  readonly limits: {
    readonly bodyBytes: number;
    readonly answerBytes: number;
    readonly connections: number;
    readonly requestTimeoutMs: number;
    readonly drainTimeoutMs: number;
  };
  /** Undefined when no directory is configured. */
  readonly snapshots: SnapshotSettings | undefined;
  readonly workerHeader: boolean;
  readonly docs: boolean;
  readonly ui: boolean;
  /** Without a slash at its end. */
  readonly publicUrl: string | undefined;
  readonly trustedProxies: readonly string[] | undefined;
  readonly accessLog: boolean;
  readonly logLevel: NonNullable<GivenSettings['logLevel']>;
}

/** Participants of a table that all processes of a service have open: old and new workers, and the primary. */
export function participantsOf(workers: number): number {
  return 2 * workers + 1;
}

export function withDefaults(given: GivenSettings): ServiceSettings {
  return {
    host: given.host ?? SERVICE_DEFAULTS.host,
    port: given.port ?? SERVICE_DEFAULTS.port,
    socket: given.socket,
    workers: given.workers ?? availableParallelism(),
    namespace: given.namespace ?? SERVICE_DEFAULTS.namespace,
    tables: given.tables ?? {},
    onMismatch: given.onMismatch ?? SERVICE_DEFAULTS.onMismatch,
    tokens: given.tokens,
    tokensFile: given.tokensFile,
    tls: tlsSettings(given.tls ?? {}),
    cors: given.cors,
    rateLimit: rateLimitSettings(given.rateLimit ?? {}),
    limits: { ...SERVICE_DEFAULTS.limits, ...given.limits },
    snapshots: given.snapshots?.dir === undefined ? undefined : snapshotSettings(given.snapshots, given.snapshots.dir),
    workerHeader: given.workerHeader ?? SERVICE_DEFAULTS.workerHeader,
    docs: given.docs ?? SERVICE_DEFAULTS.docs,
    ui: given.ui ?? SERVICE_DEFAULTS.ui,
    publicUrl: given.publicUrl?.replace(/\/$/, ''),
    trustedProxies: given.trustedProxies,
    accessLog: given.accessLog ?? SERVICE_DEFAULTS.accessLog,
    logLevel: given.logLevel ?? SERVICE_DEFAULTS.logLevel,
  };
}

function snapshotSettings(given: GivenSnapshots, dir: string): SnapshotSettings {
  return { ...SERVICE_DEFAULTS.snapshots, ...given, dir };
}

function tlsSettings({ cert, key }: NonNullable<GivenSettings['tls']>): TlsSettings | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function rateLimitSettings({
  max,
  windowMs = SERVICE_DEFAULTS.rateLimit.windowMs,
}: NonNullable<GivenSettings['rateLimit']>): RateLimitSettings | undefined {
  return max === undefined ? undefined : { max, windowMs };
}
