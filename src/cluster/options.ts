import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { TABLE_DEFAULTS } from '../table/defaults.js';
import { integer, MAX_CAPACITY, MAX_KEY_BYTES, NAME, parseNamespace } from '../table/options.js';
import type { Columns, HeapOptions } from '../table/types.js';
import { CLUSTER_LIMITS } from './defaults.js';

/** How to reach the servers. */
export interface ClusterConnectionOptions {
  /**
   * Some of the servers, as `redis://host:port`, or `rediss://` for TLS. The others are found through them. A server
   * that is not in a cluster is used alone.
   */
  readonly nodes: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Options of Node's `tls.connect`, such as `ca`, `cert` and `key`; only data, no functions. For all servers. */
  readonly tls?:
    | Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'rejectUnauthorized'>
    | undefined;
  /** After how many milliseconds a command without an answer fails: 10 .. 600,000, default 2,000. */
  readonly timeoutMs?: number | undefined;
}

export interface ClusterTableOptions<C extends Columns = Columns> {
  /** A name of the form `[A-Za-z0-9_][A-Za-z0-9._-]{0,63}`. */
  readonly name: string;
  readonly columns: C;
  /** Maximum length of a key in bytes of UTF-8: 1 .. 255, default 63. */
  readonly maxKeyBytes?: number | undefined;
  /** Default: the environment's `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  readonly cluster: ClusterConnectionOptions;
  /**
   * What to do if the table in the cluster has other columns. `throw` (the default) is `ERR_SCHEMA_MISMATCH`; `alter`
   * adds the columns that it lacks, and leaves alone those that are not named here. A type never changes.
   */
  readonly onMismatch?: 'throw' | 'alter' | undefined;
  /** Keeps rows in the shared memory of this host, for all of its processes. Default: none. */
  readonly near?: NearOptions | false | undefined;
}

/** The part of a table that a host keeps in shared memory. All processes of the host must give the same capacity and heap. */
export interface NearOptions {
  /** Rows, 1 .. 2^31-1; those that are not used make way. */
  readonly capacity: number;
  /** A row that is returned from shared memory was current at most this many ms ago: 50 .. 60,000, default 1,000. */
  readonly maxStaleMs?: number | undefined;
  /** For how long a row stays without being read again, in ms: 1 .. 2^53-1, default 60,000. */
  readonly maxAgeMs?: number | undefined;
  /** Room for long values, as for `Table`. */
  readonly heap?: number | HeapOptions | undefined;
  /** As for `Table`: at least the processes of the host and one more. */
  readonly maxParticipants?: number | undefined;
}

/** The same, checked and complete. */
export interface ParsedConnection {
  readonly nodes: readonly NodeAddress[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined without TLS. */
  readonly tls: ClusterConnectionOptions['tls'];
  readonly isSecure: boolean;
  readonly timeoutMs: number;
}

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface ParsedClusterOptions {
  readonly name: string;
  readonly namespace: string;
  readonly maxKeyBytes: number;
  readonly onMismatch: 'throw' | 'alter';
  readonly connection: ParsedConnection;
  readonly near: ParsedNear | undefined;
}

interface ParsedNear {
  readonly capacity: number;
  readonly maxStaleMs: number;
  readonly maxAgeMs: number;
  readonly heap: number | HeapOptions | undefined;
  readonly maxParticipants: number | undefined;
}

type Names<T> = Record<keyof T, true>;

const connection: Names<ClusterConnectionOptions> = {
  nodes: true,
  username: true,
  password: true,
  tls: true,
  timeoutMs: true,
};
const tls: Names<NonNullable<ClusterConnectionOptions['tls']>> = {
  ca: true,
  cert: true,
  key: true,
  passphrase: true,
  servername: true,
  rejectUnauthorized: true,
};
const table: Names<ClusterTableOptions> = {
  name: true,
  columns: true,
  maxKeyBytes: true,
  namespace: true,
  cluster: true,
  onMismatch: true,
  near: true,
};
const near: Names<NearOptions> = {
  capacity: true,
  maxStaleMs: true,
  maxAgeMs: true,
  heap: true,
  maxParticipants: true,
};

const CONNECTION_OPTIONS = Object.keys(connection);
const TLS_OPTIONS = Object.keys(tls);
const TABLE_OPTIONS = Object.keys(table);
const NEAR_OPTIONS = Object.keys(near);

/** What the options of a table in shared memory mean here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  capacity: "the cluster's memory is limited by the servers' maxmemory; near.capacity is that of this host's part",
  evict: "eviction is the servers' maxmemory-policy",
  changes: 'a table in a cluster has no change feed',
  heap: 'long values lie in the servers',
  backend: 'rows lie in the servers',
  path: 'rows lie in the servers',
  hugePages: 'rows lie in the servers',
  readOnly: 'give the user of the servers no right to write',
  lockTimeoutMs: 'there are no locks; cluster.timeoutMs limits every operation',
  maxParticipants: 'any number of processes may use it',
};

const DEFAULT_PORT = 6_379;

/** Checks the options, except the columns. `ERR_ARGUMENT`; `ERR_BACKEND_UNSUPPORTED` for those of a table in shared memory. */
export function parseClusterOptions(options: ClusterTableOptions<Columns>): ParsedClusterOptions {
  refuseElsewhere(options);
  checkOptions(options, TABLE_OPTIONS);
  const { name, onMismatch = 'throw' } = options;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new ShmTableError('ERR_ARGUMENT', `table name ${show(name)} does not match ${NAME.source}`);
  }
  if (onMismatch !== 'throw' && onMismatch !== 'alter') {
    throw new ShmTableError('ERR_ARGUMENT', `onMismatch must be one of throw, alter; got ${show(onMismatch)}`);
  }
  return {
    name,
    namespace: parseNamespace(options.namespace),
    maxKeyBytes: integer('maxKeyBytes', options.maxKeyBytes ?? TABLE_DEFAULTS.maxKeyBytes, 1, MAX_KEY_BYTES),
    onMismatch,
    connection: parseConnection(options.cluster),
    near: parseNear(options.near),
  };
}

function parseNear(options: NearOptions | false | undefined): ParsedNear | undefined {
  if (options === undefined || options === false) return undefined;
  checkOptions(options, NEAR_OPTIONS);
  const { capacity, maxStaleMs, maxAgeMs, heap, maxParticipants } = options;
  return {
    capacity: integer('near.capacity', capacity, 1, MAX_CAPACITY),
    maxStaleMs: milliseconds('near.maxStaleMs', maxStaleMs, CLUSTER_LIMITS.maxStaleMs),
    maxAgeMs: milliseconds('near.maxAgeMs', maxAgeMs, CLUSTER_LIMITS.maxAgeMs),
    heap,
    maxParticipants,
  };
}

function milliseconds(
  what: string,
  given: number | undefined,
  limits: (typeof CLUSTER_LIMITS)[keyof typeof CLUSTER_LIMITS],
): number {
  return integer(what, given ?? limits.default, limits.least, limits.most);
}

/** Why a table in a cluster does not have this option of a table in shared memory; undefined for any other name. */
export function reasonForNoOption(name: string): string | undefined {
  return Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
}

function refuseElsewhere(options: object): void {
  if (typeof options !== 'object' || options === null) return;
  for (const [name, reason] of Object.entries(ELSEWHERE)) {
    if (Reflect.get(options, name) === undefined) continue;
    throw new ShmTableError('ERR_BACKEND_UNSUPPORTED', `a table in a cluster has no option ${name}: ${reason}`);
  }
}

function parseConnection(options: ClusterConnectionOptions): ParsedConnection {
  if (typeof options !== 'object' || options === null) {
    throw new ShmTableError('ERR_ARGUMENT', `cluster must be an object with nodes, got ${show(options)}`);
  }
  checkOptions(options, CONNECTION_OPTIONS);
  const { nodes, tls: secure } = options;
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw new ShmTableError('ERR_ARGUMENT', `cluster.nodes must be a list of at least one address, got ${show(nodes)}`);
  }
  const urls = nodes.map(parseUrl);
  const isSecure = urls[0].isSecure;
  if (urls.some((url) => url.isSecure !== isSecure)) {
    throw new ShmTableError('ERR_ARGUMENT', 'cluster.nodes must be all redis:// or all rediss://');
  }
  if (secure !== undefined) {
    if (!isSecure) throw new ShmTableError('ERR_ARGUMENT', 'cluster.tls is for nodes of the form rediss://');
    checkOptions(secure, TLS_OPTIONS);
    for (const [name, value] of Object.entries(secure)) {
      if (typeof value !== 'function') continue;
      throw new ShmTableError(
        'ERR_ARGUMENT',
        `cluster.tls.${name} must be data, which another thread can use; got a function`,
      );
    }
  }
  return {
    nodes: urls.map(({ host, port }) => ({ host, port })),
    username: text('cluster.username', options.username ?? urls[0].username),
    password: text('cluster.password', options.password ?? urls[0].password),
    tls: secure,
    isSecure,
    timeoutMs: milliseconds('cluster.timeoutMs', options.timeoutMs, CLUSTER_LIMITS.timeoutMs),
  };
}

function text(what: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new ShmTableError('ERR_ARGUMENT', `${what} must be a string, got ${show(typeof value)}`);
}

interface ParsedUrl extends NodeAddress {
  readonly isSecure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** Its message does not repeat the address, which may have a password in it. */
function parseUrl(text: unknown, index: number): ParsedUrl {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isWhole = url !== undefined && (url.pathname === '' || url.pathname === '/') && url.search === '';
  if (!isWhole || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '') {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `cluster.nodes[${index}] must have the form redis://host:port or rediss://host:port`,
    );
  }
  const given = (part: string): string | undefined => (part === '' ? undefined : decodeURIComponent(part));
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    isSecure: url.protocol === 'rediss:',
    username: given(url.username),
    password: given(url.password),
  };
}
