/** Tables that a service keeps for itself. */
import { TRANSIENT_BACKEND } from '../memory/index.js';
import { MAX_PARTICIPANTS } from '../table/options.js';
import { Table } from '../table/table.js';
import type { Columns, TableOptions } from '../table/types.js';
import type { ServiceSettings } from './settings/settings-schema.js';

type OwnOptions<C extends Columns> = Pick<TableOptions<C>, 'capacity' | 'columns' | 'maxKeyBytes' | 'lockTimeoutMs'>;

/**
 * Opens a table of a service, from which the least recently used rows are evicted. The primary creates it, so it must do
 * so before it starts workers; the table ends with the primary. It is not in the service's own namespace, so that it is
 * not listed and cannot be cleared over HTTP.
 */
export function openOwnTable<const C extends Columns>(
  { namespace, workers }: Pick<ServiceSettings, 'namespace' | 'workers'>,
  purpose: string,
  options: OwnOptions<C>,
): Table<C> {
  return Table.openOrCreate({
    ...options,
    name: namespace,
    namespace: `shmtable-${purpose}`,
    backend: TRANSIENT_BACKEND,
    evict: 'lru',
    // Old and new workers, which overlap during a replacement, and the primary.
    maxParticipants: Math.min(MAX_PARTICIPANTS, 2 * workers + 8),
  });
}
