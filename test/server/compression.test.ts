/** Responses of more than 1 KB are compressed for clients that accept it. */
import { once } from 'node:events';
import { get, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import t from 'tap';
import { Table } from '../../src/table/table.js';
import { startApp } from '../fixtures/server-app.js';

const DECODERS = { br: brotliDecompressSync, gzip: gunzipSync };

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

t.test('compression', { timeout: 60_000 }, async (t) => {
  const app = await startApp(t, {}, { changes: 65_536 });
  const columns = { text: 'string(60000)' } as const;
  const { send } = app;
  t.equal((await send('PUT', '/v1/tables/wide', { json: { capacity: 600, columns } })).status, 201);
  const wide = Table.open('wide', { namespace: app.namespace, columns });
  t.teardown(() => wide.close());
  wide.set('short', { text: 'x' }).set('long', { text: 'x'.repeat(50_000) });

  async function fetched(path: string, headers: Record<string, string>): Promise<Answer> {
    const [response] = await once(get({ host: '127.0.0.1', port: app.port, path, headers }), 'response');
    return { status: response.statusCode, headers: response.headers, bytes: await buffer(response) };
  }

  const ROW = '/v1/tables/wide/rows/long';

  await t.test('the content is the same, and less is sent', async (t) => {
    for (const path of [ROW, '/v1/tables/wide/rows', '/v1/tables/wide/keys?limit=1000', '/openapi.json']) {
      if (path.includes('keys')) for (let i = 0; i < 200; i++) wide.set(`key ${i}`, {});
      const plain = await fetched(path, {});
      t.equal(plain.headers['content-encoding'], undefined, path);
      for (const [encoding, decode] of Object.entries(DECODERS)) {
        const { headers, bytes } = await fetched(path, { 'accept-encoding': encoding });
        t.equal(headers['content-encoding'], encoding, `${encoding}: ${path}`);
        t.match(headers.vary, /accept-encoding/i);
        t.equal(headers['content-type'], plain.headers['content-type']);
        t.ok(bytes.length < plain.bytes.length, `${bytes.length} of ${plain.bytes.length} bytes`);
        t.ok(decode(bytes).equals(plain.bytes), 'the same content');
      }
    }
    for (const path of ['/metrics', '/docs/static/swagger-ui.css']) {
      const { headers, bytes } = await fetched(path, { 'accept-encoding': 'gzip' });
      t.equal(headers['content-encoding'], 'gzip', path);
      t.ok(gunzipSync(bytes).length > bytes.length);
    }
    const body = Array.from({ length: 50 }, () => ({ op: 'get', key: 'long' }));
    const batch = await send('POST', '/v1/tables/wide/batch', { json: body, headers: { 'accept-encoding': 'br' } });
    t.equal(batch.headers['content-encoding'], 'br', 'a batch');
  });

  await t.test('lines are compressed while they are read', async (t) => {
    for (let i = 0; i < 290; i++) wide.set(`k${i}`, { text: `${i}`.repeat(2_000) });
    const headers = { accept: 'application/x-ndjson', 'accept-encoding': 'gzip' };
    const { bytes, headers: sent } = await fetched('/v1/tables/wide/rows?prefix=k', headers);
    t.match([sent['content-encoding'], sent.vary], ['gzip', 'Accept, Accept-Encoding']);
    const lines = gunzipSync(bytes).toString().trimEnd().split('\n');
    t.equal(
      new Set(lines.map((line) => JSON.parse(line).key)).size,
      wide.scan({ prefix: 'k', limit: 1000 }).entries.length,
    );
  });

  await t.test('the client decides', async (t) => {
    const wanted: [string, string | undefined][] = [
      ['gzip, deflate, br', 'br'],
      ['gzip;q=1.0, br;q=0.5', 'gzip'],
      ['GZIP', 'gzip'],
      ['*', 'br'],
      ['br;q=0, gzip;q=0', undefined],
      ['identity, gzip;q=0.5', undefined],
      ['zstd', undefined],
      ['', undefined],
      [',;q='.repeat(5000), undefined],
    ];
    for (const [accepted, encoding] of wanted) {
      const { headers } = await fetched(ROW, { 'accept-encoding': accepted });
      t.equal(headers['content-encoding'], encoding, accepted.slice(0, 40));
      t.match(headers.vary, /accept-encoding/i);
    }
  });

  await t.test('short responses, errors and streams of changes are sent uncompressed', async (t) => {
    for (const path of ['/v1/tables/wide/rows/short', '/v1/tables/wide/rows/none', '/healthz']) {
      const { headers, bytes } = await fetched(path, { 'accept-encoding': 'gzip' });
      t.equal(headers['content-encoding'], undefined, path);
      JSON.parse(bytes.toString());
    }
    const options = {
      host: '127.0.0.1',
      port: app.port,
      path: '/v1/tables/t/changes',
      headers: { 'accept-encoding': 'br' },
    };
    const [stream] = await once(get(options), 'response');
    t.equal(stream.headers['content-encoding'], undefined, 'changes');
    stream.destroy();
  });

  await t.test('a compressed row has its own entity tag, which conditions accept', async (t) => {
    const plain = await fetched(ROW, {});
    const revision = plain.headers.etag?.slice(1, -1);
    for (const encoding of ['br', 'gzip']) {
      const coded = await fetched(ROW, { 'accept-encoding': encoding });
      const etag = `"${revision}-${encoding}"`;
      t.equal(coded.headers.etag, etag);
      const again = await fetched(ROW, { 'accept-encoding': encoding, 'if-none-match': etag });
      t.match([again.status, again.headers.etag, again.headers.vary], [304, etag, 'Accept-Encoding']);
      const head = await send('HEAD', ROW, { headers: { 'accept-encoding': encoding } });
      t.match(head.headers, { etag, 'content-encoding': encoding, 'content-length': `${coded.bytes.length}` }, 'HEAD');
      t.equal((await send('PATCH', ROW, { json: {}, headers: { 'if-match': `"1", ${etag}-` } })).status, 400);
    }
    const wrong = await send('PATCH', ROW, { json: {}, headers: { 'if-match': `"${revision}-zstd"` } });
    t.equal(wrong.status, 412, 'another tag');
    const written = await send('PATCH', ROW, { json: {}, headers: { 'if-match': `"${revision}-gzip"` } });
    t.equal(written.status, 200, 'a row that was read compressed can be written');
  });

  await t.test('compression ends when the client disconnects', async (t) => {
    const headers = { accept: 'application/x-ndjson', 'accept-encoding': 'gzip' };
    for (let i = 0; i < 5; i++) {
      const [response] = await once(
        get({ host: '127.0.0.1', port: app.port, path: '/v1/tables/wide/rows', headers }),
        'response',
      );
      response.destroy();
    }
    t.equal((await send('GET', '/healthz')).status, 200);
  });
});
