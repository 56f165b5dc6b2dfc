/** Rendered pages that all workers share: each is rendered once, however many workers need it at the same time. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from 'shmtable/cache';

const pages = Cache.open<string>({
  name: 'pages',
  bytes: 8 * 2 ** 20, // total memory
  entries: 1_000,
  ttl: 60_000, // after that a page is stale ...
  staleTtl: 3_600_000, // ... and is served for another hour, while it is rendered again in the background
});

async function render(path: string): Promise<string> {
  await sleep(100); // a database, a template
  return `<h1>${path}</h1>`;
}

function page(path: string): Promise<string | undefined> {
  return pages.getOrSet(path, () => render(path), { tags: [`section:${path.split('/')[1]}`] });
}

if (cluster.isPrimary) {
  const workers = Array.from({ length: 4 }, () => cluster.fork());
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  console.log(pages.stats().loads); // 2: one for each page
  console.log(pages.has('/news/today'), pages.has('/help/cache')); // true true
  pages.invalidateTag('section:news');
  console.log(pages.has('/news/today'), pages.has('/help/cache')); // false true
  pages.destroy();
} else {
  const visitors = Array.from({ length: 50 }, (_, i) => page(i % 2 === 0 ? '/news/today' : '/help/cache'));
  await Promise.all(visitors);
  pages.close();
  process.exit();
}
