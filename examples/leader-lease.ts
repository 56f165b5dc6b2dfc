/** One of several processes leads for as long as it renews its lease; when it dies, another takes over. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { setInterval as every } from 'node:timers/promises';
import { Table } from 'shmtable';

const LEASE_MS = 600;

const leases = Table.openOrCreate({
  name: 'leases',
  capacity: 10,
  columns: { holder: 'int32' },
});

/** Whether this process leads: takes a free lease, or renews its own. */
function lead(role: string): boolean {
  const holder = process.pid;
  return (
    leases.insert(role, { holder }, { ttl: LEASE_MS }) || leases.compareAndSet(role, { holder }, {}, { ttl: LEASE_MS })
  );
}

if (cluster.isPrimary) {
  const workers = [1, 2, 3].map(() => cluster.fork());
  let terms = 0;
  cluster.on('message', (leader) => {
    console.log(`term ${++terms}:`, leases.get('cleaner', 'holder') === leader.process.pid); // term 1: true, term 2: true
    if (terms === 1) leader.process.kill('SIGKILL');
    else for (const worker of workers) worker.process.kill();
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  leases.destroy();
} else {
  let leading = false;
  for await (const _ of every(LEASE_MS / 4)) {
    const leads = lead('cleaner');
    if (leads && !leading) process.send?.('I lead');
    leading = leads;
  }
}
