/** The files of the console. */
import t from 'tap';
import { consoleAddress } from '../../src/server/console-address.js';
import { isProblem, startApp } from '../fixtures/server-app.js';

t.test('the files are served with a policy that allows nothing inline and nothing from elsewhere', async (t) => {
  const { send } = await startApp(t);
  for (const [path, type] of [
    ['/ui', 'text/html; charset=utf-8'],
    ['/ui/', 'text/html; charset=utf-8'],
    ['/ui/app.js', 'text/javascript; charset=utf-8'],
    ['/ui/app.css', 'text/css; charset=utf-8'],
    ['/ui/icon.svg', 'image/svg+xml'],
  ] as const) {
    const answer = await send('GET', path);
    t.equal(answer.status, 200, path);
    t.match(answer.headers, { 'content-type': type, 'x-content-type-options': 'nosniff', 'x-frame-options': String });
    const policy = String(answer.headers['content-security-policy']).split(';');
    t.same(policy.sort(), [
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    t.notMatch(
      answer.text,
      /<style|<script>| style=| on\w+="|https?:\/\/(?!www\.w3\.org)/,
      'the page itself keeps to it',
    );
    const head = await send('HEAD', path);
    t.match(head, { status: 200, text: '', headers: { etag: answer.headers.etag } }, `HEAD ${path}`);
  }
  isProblem(t, await send('GET', '/ui/main.ts'), 404, 'ERR_ROUTE_NOT_FOUND', 'another file');
  isProblem(t, await send('GET', '/ui/..%2Fworker.js'), 404, 'ERR_ROUTE_NOT_FOUND', 'a file outside');
  isProblem(t, await send('POST', '/ui', { json: {} }), 405, 'ERR_METHOD_NOT_ALLOWED', 'another method');
});

t.test('a browser that has a file gets it again only if it has changed, and compressed', async (t) => {
  const { send } = await startApp(t);
  for (const encoding of ['identity', 'br', 'gzip']) {
    const headers = { 'accept-encoding': encoding };
    const first = await send('GET', '/ui/app.js', { headers });
    t.equal(first.headers['content-encoding'], encoding === 'identity' ? undefined : encoding);
    t.equal(first.headers['cache-control'], 'no-cache', 'it asks every time');
    const { etag = '' } = first.headers;
    const again = await send('GET', '/ui/app.js', { headers: { ...headers, 'if-none-match': `"other", ${etag}` } });
    t.match(again, { status: 304, text: '', headers: { etag } }, encoding);
    const other = await send('GET', '/ui/app.css', { headers: { ...headers, 'if-none-match': etag } });
    t.equal(other.status, 200, 'the tag of another file');
  }
});

t.test('the console can be switched off', async (t) => {
  const { send } = await startApp(t, { ui: false });
  for (const path of ['/ui', '/ui/', '/ui/app.js']) {
    isProblem(t, await send('GET', path), 404, 'ERR_ROUTE_NOT_FOUND', path);
  }
});

t.test('its address is one that a browser on this machine can open', async (t) => {
  const plain = { ui: true, publicUrl: undefined, tls: undefined, socket: undefined };
  const at = '127.0.0.1:7070';
  t.equal(consoleAddress(plain, at), 'http://127.0.0.1:7070/ui');
  t.equal(consoleAddress(plain, '[::1]:80'), 'http://[::1]:80/ui');
  t.equal(consoleAddress(plain, '0.0.0.0:7070'), 'http://localhost:7070/ui');
  t.equal(consoleAddress({ ...plain, tls: { cert: 'c', key: 'k' } }, '[::]:7070'), 'https://localhost:7070/ui');
  t.equal(consoleAddress({ ...plain, publicUrl: 'https://shm.example/x' }, at), 'https://shm.example/x/ui');
  t.equal(consoleAddress({ ...plain, socket: '/run/s' }, '/run/s'), undefined);
  t.equal(consoleAddress({ ...plain, ui: false }, at), undefined);
});
