/** A rate limit across all workers: a maximum number of requests of each client in a window of one minute. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { Table } from 'shmtable';

const LIMIT = 50;
const WINDOW_MS = 60_000;

const clients = Table.openOrCreate({
  name: 'clients',
  capacity: 100_000,
  columns: { requests: 'uint32' },
});

/** Counts a request of a client. The client's window begins with its first request and ends with the row. */
function allow(client: string): boolean {
  return clients.increment(client, 'requests', 1, { ttlIfNew: WINDOW_MS }) <= LIMIT;
}

let allowed = 0;
if (cluster.isPrimary) {
  const workers = [1, 2, 3, 4].map(() => cluster.fork());
  for (const worker of workers) {
    worker.on('message', (count: number) => {
      allowed += count;
    });
  }
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  console.log(allowed); // 50 of 400
  clients.destroy();
} else {
  for (let request = 0; request < 100; request++) if (allow('192.0.2.7')) allowed++;
  process.send?.(allowed, () => process.exit());
}
