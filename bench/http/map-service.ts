/**
 * The service without shared memory: the same Fastify app, but each worker has its own rows, in a `Map`.
 *
 *   node map-service.js PORT WORKERS ROWS
 */
import cluster from 'node:cluster';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { type BenchRow, benchColumns, rowOf } from '../../src/bench/row-subject.js';
import { Table } from '../../src/index.js';
import { buildApp } from '../../src/server/app.js';
import { withDefaults } from '../../src/server/settings/settings-schema.js';
import { putUnder, type TableEngine } from '../../src/table/engine.js';

interface MapEntry {
  readonly key: string;
  revision: number;
  readonly expiresAt: null;
  row: BenchRow;
}

/** The part of a table that the routes for rows use. */
class MapTable {
  readonly name = 'rows';
  readonly columns = benchColumns;
  readonly #entries = new Map<string, MapEntry>();
  #revision = 2 ** 40;

  storedEntry(key: string): MapEntry | undefined {
    return this.#entries.get(key);
  }

  /** A Map has nothing to locate or wait for, and does not move. */
  loadAhead(): void {}
  followOnlyWhenAsked(): void {}
  follow(): void {}

  write(_mode: 'put', key: string, { count = 0, score = 0, label = '' }: Partial<BenchRow>) {
    const outcome = this.#entries.has(key) ? 'updated' : 'inserted';
    const entry = { key, revision: ++this.#revision, expiresAt: null, row: { count, score, label } };
    this.#entries.set(key, entry);
    return { outcome, revision: entry.revision, expiresAt: null };
  }

  increment(key: string, column: 'count' | 'score', by: number) {
    const created = !this.#entries.has(key);
    if (created) this.write('put', key, {});
    const entry = this.#entries.get(key);
    if (entry === undefined) throw new Error(`the Map has lost ${key}`);
    entry.revision = ++this.#revision;
    entry.row[column] += by;
    return { outcome: created ? 'inserted' : 'updated', value: entry.row[column], revision: entry.revision, created };
  }

  close(): void {
    this.#entries.clear();
  }
}

async function serve(port: number, rows: number): Promise<void> {
  const table = new MapTable();
  for (let i = 0; i < rows; i++) table.write('put', freshKey(i), rowOf(i));
  Reflect.set(Table, 'open', () => table);
  putUnder(table, table as unknown as TableEngine);
  const app = await buildApp(withDefaults({ port, namespace: `map-${process.pid}` }));
  await app.listen({ port, host: '127.0.0.1' });
}

const [port, workers, rows] = process.argv.slice(2).map(Number);
if (cluster.isPrimary) {
  // As in the service, workers accept connections from the listening socket themselves.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let i = 0; i < workers; i++) cluster.fork();
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    process.exit(0);
  });
} else {
  serve(port, rows).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
