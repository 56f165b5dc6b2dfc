/**
 * A separate process that knows nothing of the service: it maps the table, adds up the populations per country and
 * prints them as JSON.
 */
import { Table } from '../src/index.js';

const columns = { country: 'string(2)', population: 'int32' } as const;

using cities = Table.open('cities', { readOnly: true });
const perCountry: Record<string, number> = {};
let rows = 0;
for (let cursor: string | null | undefined; cursor !== null; ) {
  const page = cities.scan({ cursor, limit: 10_000, columns: Object.keys(columns) });
  for (const { row } of page.entries) {
    const country = String(row.country);
    perCountry[country] = (perCountry[country] ?? 0) + Number(row.population);
    rows++;
  }
  cursor = page.cursor;
}
process.stdout.write(JSON.stringify({ rows, perCountry }));
