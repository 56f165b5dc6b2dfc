/** The table in which all workers of a service count the requests of each client. */
import { MAX_PARTICIPANTS } from '../../table/options.js';
import { Table } from '../../table/table.js';
import { PLUGIN_DEFAULTS } from '../settings/defaults.js';
import type { ServiceSettings } from '../settings/settings-schema.js';

/** Not the service's own namespace, so that this table is not listed and cannot be cleared over HTTP. */
const NAMESPACE = 'shmtable-rate-limit';
/** Maximum number of clients counted; beyond it, the least recently active ones are evicted. */
const CLIENTS = 10_000;
const MAX_CLIENT_BYTES = 80;

export type CountsTable = Table<{ readonly requests: 'float64' }>;

/**
 * The counts of a service. The primary creates the table, so it must do so before it starts workers; the table ends
 * with the primary.
 */
export function openCounts({ namespace, workers }: Pick<ServiceSettings, 'namespace' | 'workers'>): CountsTable {
  return Table.openOrCreate({
    name: namespace,
    namespace: NAMESPACE,
    backend: 'anonymous',
    capacity: CLIENTS,
    maxKeyBytes: MAX_CLIENT_BYTES,
    columns: { requests: 'float64' },
    evict: 'lru',
    lockTimeoutMs: PLUGIN_DEFAULTS.lockTimeoutMs,
    // Old and new workers, which overlap during a replacement, and the primary.
    maxParticipants: Math.min(MAX_PARTICIPANTS, 2 * workers + 8),
  });
}
