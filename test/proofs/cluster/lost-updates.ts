import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ClusterTable } from '../../../src/cluster/index.js';
import { removeNear, type Scope } from '../../cluster/two-hosts.js';
import { startCluster } from '../../fixtures/redis-servers.js';
import type { ClusterReport } from './run-cluster.js';

const UPDATER = fileURLToPath(new URL('../../fixtures/cluster-updater.js', import.meta.url));
const HOSTS = 2;
const PROCESSES = 4;

/**
 * Four processes of two hosts, each with 8 operations under way, add to the same eight rows: by `increment`, by `modify`,
 * and by compare-and-set on a revision that they read, as often as given each. No addition may be lost.
 */
export async function addTogether(scope: Scope, times: number): Promise<ClusterReport> {
  const namespace = `sums-${process.pid}`;
  const cluster = await startCluster({ replicas: false });
  scope.teardown(() => cluster.stop());
  scope.teardown(() => removeNear(namespace));
  const problems: string[] = [];
  const run = async (process_: number): Promise<void> => {
    // Processes with another node are another host.
    const node = cluster.urls[process_ % HOSTS];
    const child = spawn(process.execPath, [UPDATER, node, namespace, String(times)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    scope.teardown(() => child.kill('SIGKILL'));
    const [complaints, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    if (code !== 0) problems.push(complaints.slice(-2_000));
  };
  await Promise.all(Array.from({ length: PROCESSES }, (_, i) => run(i)));
  const table = await ClusterTable.connect({
    name: 'sums',
    namespace,
    columns: { added: 'int64', modified: 'uint32', compared: 'uint32' },
    cluster: { nodes: cluster.urls, timeoutMs: 30_000 },
  });
  const sums = { added: 0, modified: 0, compared: 0 };
  for await (const { row } of table.scan()) {
    sums.added += Number(row.added);
    sums.modified += row.modified;
    sums.compared += row.compared;
  }
  await table.close();
  for (const [column, sum] of Object.entries(sums)) {
    if (sum !== PROCESSES * times) problems.push(`${column} is ${sum} instead of ${PROCESSES * times}`);
  }
  return { summary: `${3 * PROCESSES * times} additions by ${PROCESSES} processes`, problems };
}
