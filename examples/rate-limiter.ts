/** A limit on requests that holds for all workers together: a token bucket for each client. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { Table } from 'shmtable';

const BURST = 50;
const REFILL_MS = 60_000; // a token a minute

const buckets = Table.openOrCreate({
  name: 'buckets',
  capacity: 100_000,
  columns: { tokens: 'float64', at: 'float64' },
});

/** Takes a token of the client's, if there is one. Who stays away until the bucket is full again is forgotten. */
function allow(client: string): boolean {
  const taken = buckets.modify(
    client,
    (bucket) => {
      const at = Date.now();
      const earned = bucket ? Math.max(0, at - bucket.at) / REFILL_MS : 0;
      const tokens = bucket ? Math.min(BURST, bucket.tokens + earned) : BURST;
      return tokens < 1 ? undefined : { tokens: tokens - 1, at };
    },
    { ttl: BURST * REFILL_MS },
  );
  return taken !== undefined;
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
  buckets.destroy();
} else {
  for (let request = 0; request < 100; request++) if (allow('192.0.2.7')) allowed++;
  process.send?.(allowed, () => process.disconnect());
}
