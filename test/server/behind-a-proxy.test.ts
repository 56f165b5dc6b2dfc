/** The settings for a service behind a proxy. */
import t from 'tap';
import { trustOf } from '../../src/server/access/trusted-proxies.js';
import { startApp } from '../fixtures/server-app.js';

t.test('the rate limit tells the clients of a trusted proxy apart, but not those of any other', async (t) => {
  const rateLimit = { max: 1, windowMs: 60_000 };
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
  const { send } = await startApp(t, { rateLimit, trustedProxies: ['loopback'] });
  t.equal((await send('GET', '/v1/tables', from('203.0.113.1'))).status, 200);
  t.equal((await send('GET', '/v1/tables', from('203.0.113.2'))).status, 200, 'another client');
  t.equal((await send('GET', '/v1/tables', from('203.0.113.1'))).status, 429, 'the first again');
  const spoofed = from('198.51.100.9, 203.0.113.1');
  t.equal((await send('GET', '/v1/tables', spoofed)).status, 429, 'whatever address the client itself claims');
  for (const same of ['203.0.113.1:4001', '203.0.113.1:4002']) {
    t.equal((await send('GET', '/v1/tables', from(same))).status, 429, 'whatever port the proxy adds');
  }
  t.equal((await send('GET', '/v1/tables', from('[2001:db8::1]:4001'))).status, 200);
  t.equal((await send('GET', '/v1/tables', from('2001:db8::1'))).status, 429);
  t.equal((await send('GET', '/v1/tables', from('no address'))).status, 200, 'the proxy itself');
  t.equal((await send('GET', '/v1/tables', from('x'.repeat(300)))).status, 429, 'likewise');
  t.equal((await send('GET', '/v1/tables', from('fe80::1%eth0'))).status, 200, 'an address with a zone');
  const direct = await startApp(t, { rateLimit, trustedProxies: ['10.0.0.0/8'] });
  t.equal((await direct.send('GET', '/v1/tables', from('203.0.113.1'))).status, 200);
  t.equal((await direct.send('GET', '/v1/tables', from('203.0.113.2'))).status, 429, 'not a trusted proxy');
});

t.test('trusted proxies are addresses, networks and groups of them', async (t) => {
  const cases: [string[], string | undefined, boolean][] = [
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.0.0.1'], '10.0.0.2', false],
    [['10.0.0.0/8'], '::ffff:10.0.0.1', true],
    [['fd00::/8'], 'fd12::1', true],
    [['loopback'], '::1', true],
    [['uniquelocal'], '172.31.0.1', true],
    [['linklocal'], '172.31.0.1', false],
    [['loopback'], undefined, false],
    [['unix'], undefined, true],
    [['unix'], '127.0.0.1', false],
    [['loopback'], 'no address', false],
    [['10.0.0.0/8'], '10.0.0.1:443', true],
    [['linklocal'], 'fe80::1%eth0', true],
  ];
  for (const [proxies, address, isTrusted] of cases) {
    t.equal(trustOf(proxies)(address), isTrusted, `${proxies}: ${address}`);
  }
  for (const wrong of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'proxy.example', '::1/129', '1.2.3.4/-1', '']) {
    t.throws(() => trustOf([wrong]), { code: 'ERR_ARGUMENT', message: /trustedProxies/ }, wrong);
  }
});

t.test('publicUrl is where clients find the routes and what they create', async (t) => {
  const { send } = await startApp(t, { publicUrl: 'https://api.example/shm/' });
  t.same((await send('GET', '/openapi.json')).json.servers, [{ url: 'https://api.example/shm' }]);
  t.same((await send('GET', '/docs/json')).json.servers, [{ url: 'https://api.example/shm' }], 'for the page');
  const row = await send('PUT', '/v1/tables/t/rows/a%2Fb', { json: {} });
  t.equal(row.headers.location, 'https://api.example/shm/v1/tables/t/rows/a%2Fb');
  const table = await send('PUT', '/v1/tables/made', { json: { capacity: 1, columns: { n: 'int8' } } });
  t.equal(table.headers.location, 'https://api.example/shm/v1/tables/made');
});

t.test('the page about the routes can be switched off', async (t) => {
  const { send } = await startApp(t, { docs: false });
  for (const path of ['/docs', '/docs/json', '/docs/static/index.css']) {
    t.equal((await send('GET', path)).status, 404, path);
  }
  t.equal((await send('GET', '/openapi.json')).status, 200, 'the document remains');
});
