/** A cache of rendered pages that all processes share. It has a fixed size and keeps the pages that are in demand. */
import { Table } from 'shmtable';

const pages = Table.openOrCreate({
  name: 'pages',
  capacity: 100,
  columns: { html: 'string(2000)' },
  evict: 'lru',
});

let rendered = 0;

function render(path: string): string {
  rendered++;
  return `<h1>${path}</h1>`;
}

function page(path: string): string {
  const cached = pages.get(path, 'html');
  if (cached !== undefined) return cached;
  const html = render(path);
  pages.set(path, { html }, { ttl: 60_000 });
  return html;
}

for (let visitor = 0; visitor < 1000; visitor++) {
  page('/'); // everybody visits this page
  page(`/archive/${visitor}`); // nobody returns to this one
}

console.log(rendered); // 1001: the front page only once
console.log(pages.size, pages.stats().evictions); // 100 901
console.log(pages.has('/'), pages.has('/archive/0')); // true false

pages.destroy();
