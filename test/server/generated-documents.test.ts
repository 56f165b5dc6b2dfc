import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { generateDocuments } from '../../src/server/generated-documents.js';
import { startApp } from '../fixtures/server-app.js';

const FOLDER = new URL('../../../openapi/', import.meta.url);

/** JSON is also YAML. */
function compact(text: string): string {
  return JSON.stringify(parse(text));
}

t.test('the files in openapi/ agree with the code', async (t) => {
  for (const [name, text] of Object.entries(await generateDocuments())) {
    const shipped = readFileSync(new URL(name, FOLDER), 'utf8');
    // White space is up to the formatter; the order matters.
    t.ok(compact(shipped) === compact(text), `${name} is not stale (npm run openapi writes it)`);
  }
});

t.test('the document describes every route', async (t) => {
  const { send } = await startApp(t);
  const document = (await send('GET', '/openapi.json')).json;
  t.equal(document.openapi, '3.1.0');
  t.same(document.servers, [{ url: '.' }], 'it is valid wherever it is served');
  const operations = Object.entries<Record<string, { operationId: string }>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => ({ route: `${method} ${path}`, operationId })),
  );
  t.same(operations.map(({ route }) => route).sort(), [
    'delete /v1/tables/{table}',
    'delete /v1/tables/{table}/rows',
    'delete /v1/tables/{table}/rows/{key}',
    'get /healthz',
    'get /metrics',
    'get /openapi.json',
    'get /readyz',
    'get /v1/overview',
    'get /v1/tables',
    'get /v1/tables/{table}',
    'get /v1/tables/{table}/changes',
    'get /v1/tables/{table}/count',
    'get /v1/tables/{table}/distribution',
    'get /v1/tables/{table}/keys',
    'get /v1/tables/{table}/rows',
    'get /v1/tables/{table}/rows/{key}',
    'head /healthz',
    'head /metrics',
    'head /openapi.json',
    'head /readyz',
    'head /v1/overview',
    'head /v1/tables',
    'head /v1/tables/{table}',
    'head /v1/tables/{table}/changes',
    'head /v1/tables/{table}/count',
    'head /v1/tables/{table}/distribution',
    'head /v1/tables/{table}/keys',
    'head /v1/tables/{table}/rows',
    'head /v1/tables/{table}/rows/{key}',
    'patch /v1/tables/{table}',
    'patch /v1/tables/{table}/rows/{key}',
    'post /v1/tables/{table}/batch',
    'post /v1/tables/{table}/rows',
    'post /v1/tables/{table}/rows/{key}/increment',
    'post /v1/tables/{table}/snapshot',
    'put /v1/tables/{table}',
    'put /v1/tables/{table}/rows/{key}',
  ]);
  const ids = operations.map(({ operationId }) => operationId);
  t.equal(new Set(ids).size, ids.length, 'operation ids are unique');
});
