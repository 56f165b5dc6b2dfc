/** Checks settings against each other: which must be set together, which must not, and the files that they name. */
import { parseClusterOptions } from '../../cluster/options.js';
import { RowFields } from '../../cluster/row-fields.js';
import { ShmTableError } from '../../errors.js';
import { SHARES_MEMORY } from '../../memory/index.js';
import { Table } from '../../table/table.js';
import { isLoopback } from '../access/host-guard.js';
import { trustOf } from '../access/trusted-proxies.js';
import { clusterOptions } from './cluster-options.js';
import { type GivenSettings, participantsOf, type ServiceSettings, withDefaults } from './settings-schema.js';
import { type ClusterTableSettings, isInCluster, type SharedTableSettings } from './table-schema.js';
import { readTlsFiles } from './tls-files.js';
import { tokensInForce } from './tokens-in-force.js';

/** @throws {ShmTableError} ERR_ARGUMENT when settings contradict each other; names them */
export function checkCombination(given: GivenSettings): void {
  needs(given, 'snapshots', ['dir']);
  needs(given, 'tls', ['cert', 'key']);
  needs(given, 'rateLimit', ['max']);
  if (given.tokens !== undefined && given.tokensFile !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', 'tokens and tokensFile are both set; set only one of them');
  }
  checkTables(given);
  const settings = withDefaults(given);
  if (settings.tls !== undefined) readTlsFiles(settings.tls);
  trustOf(settings.trustedProxies ?? []);
  if (tokensInForce(settings) === undefined) refuseOpenness(given);
}

/** A group of settings is either absent or has all of these members. */
function needs(given: GivenSettings, name: 'snapshots' | 'tls' | 'rateLimit', members: readonly string[]): void {
  const set = Object.keys(given[name] ?? {});
  const missing = members.find((member) => !set.includes(member));
  if (set.length > 0 && missing !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `${name}.${set[0]} is set, but ${name}.${missing} is not`);
  }
}

/**
 * Checks what the JSON Schema cannot express: names and types of columns, widths, addresses, which backend takes a path,
 * and whether all processes can have the table open.
 */
function checkTables(given: GivenSettings): void {
  const settings = withDefaults(given);
  for (const [name, options] of Object.entries(settings.tables)) {
    try {
      if (isInCluster(options)) checkClusterTable(name, options, settings);
      else checkSharedTable(name, options, settings);
    } catch (error) {
      if (!(error instanceof ShmTableError)) throw error;
      throw new ShmTableError('ERR_ARGUMENT', `tables.${name}: ${error.message}`, { cause: error });
    }
  }
}

function checkSharedTable(name: string, options: SharedTableSettings, { workers }: ServiceSettings): void {
  const { maxParticipants, backend } = options;
  if (backend === 'process' && SHARES_MEMORY) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      'backend must be one whose memory processes share, because workers are processes, got process',
    );
  }
  checkParticipants('maxParticipants', maxParticipants, participantsOf(workers), workers);
  Table.bytesFor({ name, ...options });
}

function checkClusterTable(name: string, options: ClusterTableSettings, settings: ServiceSettings): void {
  const { columns, maxKeyBytes, near } = options;
  parseClusterOptions(clusterOptions(name, options, settings));
  new RowFields(columns);
  if (!near) return;
  const { workers } = settings;
  checkParticipants('near.maxParticipants', near.maxParticipants, participantsOf(workers), workers);
  const { capacity, heap } = near;
  Table.bytesFor({ name, columns, maxKeyBytes, capacity, heap });
}

function checkParticipants(what: string, given: number | undefined, needed: number, workers: number): void {
  if (given === undefined || given >= needed) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `${what} must be at least ${needed} for ${workers} workers, their successors during a reload and the primary, ` +
      `got ${given}`,
  );
}

/** Without tokens every request that reaches the service is allowed, so only this machine may reach it. */
function refuseOpenness({ socket, host, cors }: GivenSettings): void {
  if (socket === undefined && host !== undefined && !isLoopback(host)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `host must be 127.0.0.1, ::1 or localhost without tokens, got ${host}, which other machines can reach`,
    );
  }
  if (cors !== undefined && [cors.origin].flat().includes('*')) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      'cors.origin must name origins without tokens, got *, which allows every web page',
    );
  }
}
