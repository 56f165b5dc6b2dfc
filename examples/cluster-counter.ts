/** Workers of a cluster count in one table, and the primary reads the sum, without messages between them. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { Table } from 'shmtable';

const WORKERS = 4;
const VISITS_OF_EACH = 25_000;

function openVisits() {
  return Table.openOrCreate({
    name: 'visits',
    capacity: 1000,
    columns: { hits: 'int64', seconds: 'float64' },
  });
}

function countVisits(): void {
  const visits = openVisits();
  for (let i = 0; i < VISITS_OF_EACH; i++) {
    visits.increment('/', 'hits');
    visits.increment(`/worker/${cluster.worker?.id}`, 'hits');
  }
  visits.close();
  process.exit();
}

async function showVisits(): Promise<void> {
  const visits = openVisits();
  try {
    const workers = Array.from({ length: WORKERS }, () => cluster.fork());
    const exits = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    if (exits.some(([code]) => code !== 0)) throw new Error('a worker failed');
    for (const page of [...visits.keys()].sort()) console.log(page, visits.get(page, 'hits'));
  } finally {
    visits.destroy();
  }
}

if (cluster.isPrimary) {
  showVisits().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
} else {
  countVisits();
}
