/**
 * What somebody would write who needs no shared memory: a Fastify service with the same routes, answers and checks over
 * a `Map`, which each of its workers has to itself.
 *
 *   node map-service.js PORT WORKERS ROWS
 */
import cluster from 'node:cluster';
import Fastify, { type FastifyInstance } from 'fastify';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { type BenchRow, rowOf } from '../../src/bench/row-subject.js';

interface Entry {
  revision: number;
  row: BenchRow;
}

interface RowRequest {
  Params: { table: string; key: string };
}

type BatchItem = { op: 'get'; key: string } | { op: 'put'; key: string; row: BenchRow };

const row = {
  type: 'object',
  additionalProperties: false,
  properties: {
    count: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
    score: { type: 'number' },
    label: { type: 'string', maxLength: 20 },
  },
} as const;

const envelope = {
  type: 'object',
  properties: { key: { type: 'string' }, revision: { type: 'integer' }, expiresAt: { type: 'null' }, row },
} as const;

const params = {
  type: 'object',
  properties: { table: { type: 'string' }, key: { type: 'string', minLength: 1, maxLength: 63 } },
} as const;

const ROW = '/v1/tables/:table/rows/:key';

function serve(port: number, rows: number): Promise<string> {
  const app = Fastify({ bodyLimit: 16 * 1024 * 1024 });
  const map = new Map<string, Entry>();
  for (let i = 0; i < rows; i++) map.set(freshKey(i), { revision: i + 1, row: rowOf(i) });
  rowRoutes(app, new Map([['rows', map]]));
  return app.listen({ port, host: '127.0.0.1' });
}

function rowRoutes(app: FastifyInstance, tables: ReadonlyMap<string, Map<string, Entry>>): void {
  let revision = 2 ** 40;
  const tableOf = (name: string): Map<string, Entry> => {
    const table = tables.get(name);
    if (table === undefined) throw Object.assign(new Error(`there is no table ${name}`), { statusCode: 404 });
    return table;
  };
  const missing = (key: string) => Object.assign(new Error(`there is no row ${key}`), { statusCode: 404 });
  const put = (table: Map<string, Entry>, key: string, { count = 0, score = 0, label = '' }: Partial<BenchRow>) => {
    const entry = { revision: ++revision, row: { count, score, label } };
    const created = !table.has(key);
    table.set(key, entry);
    return { created, answer: { key, expiresAt: null, ...entry } };
  };

  app.get<RowRequest>(ROW, { schema: { params, response: { 200: envelope } } }, async (request, reply) => {
    const { table, key } = request.params;
    const entry = tableOf(table).get(key);
    if (entry === undefined) throw missing(key);
    reply.header('ETag', `"${entry.revision}"`);
    return { key, revision: entry.revision, expiresAt: null, row: entry.row };
  });

  app.put<RowRequest & { Body: Partial<BenchRow> }>(
    ROW,
    { schema: { params, body: row, response: { 200: envelope, 201: envelope } } },
    async (request, reply) => {
      const { table, key } = request.params;
      const { created, answer } = put(tableOf(table), key, request.body);
      reply.header('ETag', `"${answer.revision}"`);
      if (created) reply.code(201).header('Location', request.url);
      return answer;
    },
  );

  const body = {
    type: 'object',
    required: ['column'],
    additionalProperties: false,
    properties: { column: { enum: ['count', 'score'] }, by: { type: 'number' } },
  } as const;
  const answer = { type: 'object', properties: { value: { type: 'number' }, revision: { type: 'integer' } } } as const;
  app.post<RowRequest & { Body: { column: 'count' | 'score'; by?: number } }>(
    `${ROW}/increment`,
    { schema: { params, body, response: { 200: answer } } },
    async (request, reply) => {
      const { table, key } = request.params;
      const { column, by = 1 } = request.body;
      const entry = tableOf(table).get(key) ?? put(tableOf(table), key, {}).answer;
      entry.revision = ++revision;
      entry.row[column] += by;
      reply.header('ETag', `"${entry.revision}"`);
      return { value: entry.row[column], revision: entry.revision };
    },
  );

  const item = {
    type: 'object',
    required: ['op', 'key'],
    additionalProperties: false,
    properties: { op: { enum: ['get', 'put'] }, key: { type: 'string', minLength: 1, maxLength: 63 }, row },
  } as const;
  const result = { type: 'object', properties: { status: { type: 'integer' }, ...envelope.properties } } as const;
  const results = { type: 'object', properties: { results: { type: 'array', items: result } } } as const;
  app.post<{ Params: { table: string }; Body: BatchItem[] }>(
    '/v1/tables/:table/batch',
    { schema: { body: { type: 'array', maxItems: 10_000, items: item }, response: { 200: results } } },
    async (request) => {
      const table = tableOf(request.params.table);
      const answers = request.body.map((item) => {
        if (item.op === 'put') return { status: 200, ...put(table, item.key, item.row).answer };
        const entry = table.get(item.key);
        if (entry === undefined) return { status: 404, key: item.key };
        return { status: 200, key: item.key, ...entry };
      });
      return { results: answers };
    },
  );
}

const [port, workers, rows] = process.argv.slice(2).map(Number);
if (cluster.isPrimary) {
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
