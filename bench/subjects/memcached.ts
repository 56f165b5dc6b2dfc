/**
 * memcached through the package `memjs`, with rows as JSON. It can increment only whole values, so a column of a row is
 * read, changed and written back; if two processes do that at once, one change is lost.
 */
import { type BenchRow, type OpenRowSubject, type RowSubject, rowOf } from '../../src/bench/row-subject.js';
import { requireCompetitor } from '../competitor-packages.js';
import { freePort, startServer } from '../servers/server-process.js';

interface Connection {
  get(key: string): Promise<{ value: Buffer | null }>;
  set(key: string, value: string, options: object): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  quit(): void;
}

interface Package {
  readonly Client: { create(servers: string): Connection };
}

const MEBIBYTES = '1024';
const FILLED_AT_ONCE = 1_000;

export const openMemcached: OpenRowSubject = async (keys) => {
  const { Client }: Package = requireCompetitor('memjs');
  const port = await freePort();
  const server = await startServer({
    command: 'memcached',
    args: ['-l', '127.0.0.1', '-p', String(port), '-m', MEBIBYTES, '-u', 'nobody'],
    listensAt: { host: '127.0.0.1', port },
    debianPackage: 'memcached',
  });
  const connection = Client.create(`127.0.0.1:${port}`);
  const write = (key: string, row: BenchRow) => connection.set(key, JSON.stringify(row), {});
  for (let i = 0; i < keys.length; i += FILLED_AT_ONCE) {
    await Promise.all(keys.slice(i, i + FILLED_AT_ONCE).map((key, j) => write(key, rowOf(i + j))));
  }
  return {
    name: 'memcached',
    slices: slicesOver(connection, write),
    async close() {
      connection.quit();
      await server.stop();
    },
  };
};

function slicesOver(
  connection: Connection,
  write: (key: string, row: BenchRow) => Promise<boolean>,
): RowSubject['slices'] {
  const read = async (key: string): Promise<BenchRow> => JSON.parse(String((await connection.get(key)).value));
  return {
    async 'get column'(keys) {
      let sum = 0;
      for (const key of keys) sum += (await read(key)).count;
      return sum;
    },
    async 'get row'(keys) {
      let sum = 0;
      for (const key of keys) {
        const { count, label } = await read(key);
        sum += count + label.length;
      }
      return sum;
    },
    async 'missing key'(keys) {
      let found = 0;
      for (const key of keys) if ((await connection.get(key)).value !== null) found++;
      return found;
    },
    async set(keys) {
      for (let i = 0; i < keys.length; i++) await write(keys[i], rowOf(i));
      return keys.length;
    },
    async increment(keys) {
      let sum = 0;
      for (const key of keys) {
        const row = await read(key);
        sum += ++row.count;
        await write(key, row);
      }
      return sum;
    },
    async 'delete + insert'(keys) {
      let removed = 0;
      for (let i = 0; i < keys.length; i++) {
        if (await connection.delete(keys[i])) removed++;
        await write(keys[i], rowOf(i));
      }
      return removed;
    },
  };
}
