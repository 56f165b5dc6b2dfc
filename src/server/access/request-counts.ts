/** The table in which all workers of a service count the requests of each client. */
import type { Table } from '../../table/table.js';
import { openOwnTable } from '../own-table.js';
import { PLUGIN_DEFAULTS } from '../settings/defaults.js';
import type { ServiceSettings } from '../settings/settings-schema.js';

/** Maximum number of clients counted; beyond it, the least recently active ones are evicted. */
const CLIENTS = 10_000;
const MAX_CLIENT_BYTES = 80;

export type CountsTable = Table<{ readonly requests: 'float64' }>;

export function openCounts(service: Pick<ServiceSettings, 'namespace' | 'workers'>): CountsTable {
  return openOwnTable(service, 'rate-limit', {
    capacity: CLIENTS,
    maxKeyBytes: MAX_CLIENT_BYTES,
    columns: { requests: 'float64' },
    lockTimeoutMs: PLUGIN_DEFAULTS.lockTimeoutMs,
  });
}
