/** What the process that is asked for metrics knows of tables in clusters; all processes of a host share a feed. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ClusterTableStats } from '../../cluster/cluster-table.js';
import type { ClusterTableInfo } from '../cluster-tables.js';

type Look = (stats: ClusterTableStats) => number | undefined;

const METRICS: readonly (readonly [string, string, Look])[] = [
  ['shmtable_cluster_primaries', 'Servers of the cluster that have slots', ({ primaries }) => primaries],
  [
    'shmtable_cluster_connected_primaries',
    'Servers of the cluster with slots to which a worker is connected',
    ({ connected }) => connected,
  ],
  ['shmtable_near_grants', 'Primaries whose changes arrive at the near cache', ({ near }) => near?.grants],
  [
    'shmtable_near_proof_age_seconds',
    'How long ago everything that has been applied to the near cache was the state of all primaries',
    ({ near }) => near && near.provenMs / 1000,
  ],
  [
    'shmtable_near_heartbeat_seconds',
    'Round trip of the last heartbeat of the feed',
    ({ near }) => near && near.roundTripMs / 1000,
  ],
  [
    'shmtable_near_invalidations_total',
    'Changes that the feed of this host has received',
    ({ near }) => near?.invalidations,
  ],
  ['shmtable_near_takeovers_total', 'How often a process has begun to run the feed', ({ near }) => near?.takeovers],
  [
    'shmtable_near_revoked_grants_total',
    'How often all rows of one primary have become untrusted',
    ({ near }) => near?.revokedGrants,
  ],
];

export function addClusterTables(registry: Registry, tables: readonly ClusterTableInfo[]): void {
  if (tables.length === 0) return;
  for (const [name, help, look] of METRICS) {
    const configuration = { name, help, registers: [registry], labelNames: ['table'] };
    const metric = name.endsWith('_total') ? new Counter(configuration) : new Gauge(configuration);
    for (const { name: table, stats } of tables) {
      const value = stats && look(stats);
      if (value !== undefined) metric.inc({ table }, value);
    }
  }
}
