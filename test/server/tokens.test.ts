import { renameSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import type { Scope } from '../../src/server/settings/security-schema.js';
import { bearer, SECRETS, TOKENS, tokenOf } from '../fixtures/access-tokens.js';
import { commandIn } from '../fixtures/command-run.js';
import { type HttpOptions, send as sendTo } from '../fixtures/http-client.js';
import { isProblem, startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';

const ROW = '/v1/tables/t/rows/k';

const ROUTES: readonly [Scope, string, string, HttpOptions][] = [
  ['read', 'GET', '/v1/tables', {}],
  ['read', 'HEAD', '/v1/tables', {}],
  ['read', 'GET', '/v1/tables/t', {}],
  ['read', 'GET', '/v1/tables/t/rows', {}],
  ['write', 'PUT', ROW, { json: {} }],
  ['read', 'GET', ROW, {}],
  ['read', 'HEAD', ROW, {}],
  ['write', 'PATCH', ROW, { json: {} }],
  ['write', 'POST', `${ROW}/increment`, { json: { column: 'u32' } }],
  ['read', 'POST', '/v1/tables/t/batch', { json: [{ op: 'get', key: 'k' }] }],
  ['read', 'POST', '/v1/tables/t/batch', { json: [] }],
  [
    'write',
    'POST',
    '/v1/tables/t/batch',
    {
      json: [
        { op: 'get', key: 'k' },
        { op: 'delete', key: 'k' },
      ],
    },
  ],
  ['write', 'POST', '/v1/tables/t/batch', { json: [{ op: 'set', key: 'k', row: {} }] }],
  ['write', 'POST', '/v1/tables/t/rows', { body: '', headers: { 'content-type': 'application/x-ndjson' } }],
  ['write', 'DELETE', ROW, {}],
  ['admin', 'DELETE', '/v1/tables/t/rows', {}],
  ['admin', 'PUT', '/v1/tables/made', { json: { capacity: 1, columns: { n: 'int32' } } }],
  ['admin', 'POST', '/v1/tables/t/snapshot', {}],
  ['admin', 'DELETE', '/v1/tables/made', {}],
];
const PUBLIC = ['/docs', '/docs/static/index.css', '/ui', '/ui/app.js', '/openapi.json', '/healthz', '/readyz'];
const SCOPES = ['read', 'write', 'admin'] as const;

t.test('requests without a valid token are rejected', async (t) => {
  const { send, table } = await startApp(t, { tokens: TOKENS });
  const refused: [string, Record<string, string>][] = [
    ['none', {}],
    ['an unknown token', bearer('unknown')],
    ['part of a token', bearer(SECRETS.admin.slice(0, -1))],
    ['a token and another character', bearer(`${SECRETS.admin}0`)],
    ['its digest', bearer(TOKENS[2].sha256)],
    ['another scheme', { authorization: `Basic ${SECRETS.admin}` }],
    ['no scheme', { authorization: SECRETS.admin }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['two tokens in one header', { authorization: `Bearer ${SECRETS.admin} ${SECRETS.admin}` }],
  ];
  for (const [what, headers] of refused) {
    for (const [, method, path, options] of ROUTES) {
      const answer = await send(method, path, { ...options, headers });
      if (method === 'HEAD') t.equal(answer.status, 401, `${what}: ${method} ${path}`);
      else isProblem(t, answer, 401, 'ERR_UNAUTHENTICATED', `${what}: ${method} ${path}`);
      t.match(answer.headers['www-authenticate'], /^Bearer realm=/);
    }
  }
  for (const query of [
    `access_token=${SECRETS.admin}`,
    `token=${SECRETS.admin}`,
    `authorization=Bearer+${SECRETS.admin}`,
  ]) {
    isProblem(t, await send('GET', `/v1/tables?${query}`), 401, 'ERR_UNAUTHENTICATED', `in the query: ${query}`);
  }
  for (const path of ['/v1/tables/none', '/v1/tables/a%20b', '/v1/tables/t/rows/']) {
    isProblem(t, await send('GET', path), 401, 'ERR_UNAUTHENTICATED', `before anything else is checked: ${path}`);
  }
  isProblem(t, await send('PUT', ROW, { body: '{' }), 401, 'ERR_UNAUTHENTICATED', 'before the body is read');
  isProblem(t, await send('GET', '/nowhere'), 404, 'ERR_ROUTE_NOT_FOUND', 'the list of routes is not secret');
  t.equal(table.size, 0, 'and nothing was executed');
});

t.test('each scope includes the ones below it', async (t) => {
  const { send, table } = await startApp(t, { tokens: TOKENS });
  for (const [index, scope] of SCOPES.entries()) {
    for (const [needed, method, path, options] of ROUTES) {
      const answer = await send(method, path, { ...options, headers: bearer(SECRETS[scope]) });
      const what = `${scope}: ${method} ${path}`;
      if (SCOPES.indexOf(needed) <= index) t.notMatch([401, 403], [answer.status], what);
      else {
        isProblem(t, answer, 403, 'ERR_FORBIDDEN', what);
        t.match(answer.headers['www-authenticate'], `scope="${needed}"`);
      }
    }
    if (scope === 'read') t.equal(table.stats().inserts, 0, 'a token with the scope read has written nothing');
  }
});

t.test('docs and health checks need no token', async (t) => {
  const { send } = await startApp(t, { tokens: TOKENS });
  for (const path of PUBLIC) {
    t.equal((await send('GET', path)).status, 200, path);
    t.equal((await send('GET', path, { headers: bearer('unknown') })).status, 200, `${path} with an unknown token`);
  }
  const foreign = { host: 'shm.example', ...bearer(SECRETS.read) };
  t.equal((await send('GET', '/v1/tables', { headers: foreign })).status, 200, 'with tokens, any Host is accepted');
});

t.test('a service without tokens ignores the header', async (t) => {
  const { send } = await startApp(t);
  t.equal((await send('GET', '/v1/tables', { headers: bearer('any') })).status, 200);
});

t.test('a token may have any characters; scheme and digest are not case-sensitive', async (t) => {
  const secret = 'aZ09-._~+/==';
  const tokens = [tokenOf('a', secret, 'read'), { ...tokenOf('b', 'schlüssel', 'read') }];
  const upper = { ...tokenOf('c', 'upper', 'read') };
  const { send } = await startApp(t, { tokens: [...tokens, { ...upper, sha256: upper.sha256.toUpperCase() }] });
  for (const authorization of [
    `Bearer ${secret}`,
    `bearer ${secret}`,
    `BEARER   ${secret}`,
    'Bearer upper',
    `Bearer ${Buffer.from('schlüssel').toString('latin1')}`,
  ]) {
    t.equal((await send('GET', '/v1/tables', { headers: { authorization } })).status, 200, authorization);
  }
});

t.test('the tokens of a file are replaced on SIGHUP', async (t) => {
  const folder = t.testdir({ 'config.json': JSON.stringify({ tokensFile: 'tokens.json' }) });
  const shmtable = commandIn(`test-${process.pid}-tokens`);
  const refused = await shmtable(['serve', '--port', '0', '--workers', '1', '--config', join(folder, 'config.json')]);
  t.equal(refused.code, 2, 'a missing file prevents startup');
  t.match(refused.stderr, /tokens\.json/);

  const place = (text: string) => {
    const next = join(folder, 'next.json');
    writeFileSync(next, text);
    renameSync(next, join(folder, 'tokens.json'));
  };
  place(JSON.stringify([tokenOf('ci', 'old', 'write')]));
  const { service, port } = await startService(t, {
    args: ['--host', '0.0.0.0'],
    env: { SHMTABLE_TOKENS_FILE: join(folder, 'tokens.json') },
  });
  const statusOf = async (secret: string) => {
    // More requests than workers; all workers must respond alike.
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        sendTo(port, 'GET', '/v1/tables', { headers: { host: 'shm.example', ...bearer(secret) } }),
      ),
    );
    return [...new Set(answers.map(({ status }) => status))];
  };
  const statusOn = async (agent: Agent) => {
    const headers = { host: 'shm.example', ...bearer('old') };
    return (await sendTo(port, 'GET', '/v1/tables', { headers, agent })).status;
  };
  t.same([await statusOf('old'), await statusOf('new')], [[200], [401]]);
  const hangUp = async (outcome: RegExp) => {
    const before = service.log.length;
    service.signal('SIGHUP');
    return service.logged(({ msg }) => outcome.test(msg), before);
  };
  place(JSON.stringify([tokenOf('ci', 'old', 'write'), tokenOf('ci', 'new', 'write')]));
  await hangUp(/^workers replaced$/);
  t.same([await statusOf('old'), await statusOf('new')], [[200], [200]], 'both are valid while one replaces the other');
  for (const broken of [
    '[{',
    '{}',
    '[]',
    '[{"name":"a","sha256":"old","scope":"read"}]',
    JSON.stringify([tokenOf('ci', 'x', 'read'), tokenOf('ci', 'x', 'admin')]),
  ]) {
    place(broken);
    const { err } = await hangUp(/^workers cannot be replaced$/);
    t.match(err, { message: /tokens\.json/ }, 'an invalid file is refused');
    t.notMatch(JSON.stringify(err), /"old"/, 'without showing a possible token');
  }
  t.same([await statusOf('old'), await statusOf('new')], [[200], [200]], 'and changes nothing');
  place(JSON.stringify([tokenOf('ci', 'new', 'write')]));
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  t.equal(await statusOn(agent), 200);
  await hangUp(/^tokens replaced$/);
  t.same([await statusOf('old'), await statusOf('new')], [[401], [200]], 'no worker accepts the old one');
  t.equal(await statusOn(agent), 401, 'also on a connection of a worker that is about to be replaced');
  await service.logged(({ msg }) => msg === 'workers replaced', service.log.length - 1);
  t.same([await statusOf('old'), await statusOf('new')], [[401], [200]], 'nor do their successors');
});
