// A program that is bundled and minified: three tables, since only the second and third have code that is evaluated.
import { Table } from 'shmtable';

const tables = [1, 2, 3].map((n) =>
  Table.create({
    name: `bundled-${process.pid}-${n}`,
    capacity: 200_000,
    columns: { population: 'int32', city: 'string(80)', notes: 'json' },
  }),
);
for (const table of tables) {
  table.set('5128581', { population: 8_175_133, city: 'New York City', notes: { boroughs: 5 } });
  const population = table.increment('5128581', 'population');
  const rows = JSON.stringify([...table]);
  if (population !== 8_175_134) throw new Error(`population ${population}`);
  if (rows !== '[["5128581",{"population":8175134,"city":"New York City","notes":{"boroughs":5}}]]')
    throw new Error(rows);
  if (!table.delete('5128581') || !table.verify().ok) throw new Error('not deleted');
}
for (const table of tables) table.destroy();
console.log('ran to its end');
