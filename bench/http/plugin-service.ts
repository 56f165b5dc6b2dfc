/**
 * The routes of the service as a plugin of an otherwise empty Fastify app, over a table for some rows.
 *
 *   node plugin-service.js PORT ROWS
 */
import Fastify from 'fastify';
import { benchColumns } from '../../src/bench/row-subject.js';
import { Table } from '../../src/index.js';
import shmtable from '../../src/server/plugin.js';

async function serve(port: number, rows: number): Promise<void> {
  const namespace = `plugin-${process.pid}`;
  Table.create({ name: 'rows', namespace, backend: 'anonymous', capacity: rows + 1, columns: benchColumns });
  const app = Fastify();
  await app.register(shmtable, { namespace, locations: { rows: { backend: 'anonymous' } } });
  await app.listen({ port, host: '127.0.0.1' });
}

const [port, rows] = process.argv.slice(2).map(Number);
serve(port, rows).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
