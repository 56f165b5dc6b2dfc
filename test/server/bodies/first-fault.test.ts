/** Bodies are rejected at their first fault: the response arrives while most of the body has not been sent. */
import { connect } from 'node:net';
import t from 'tap';
import { SECRETS, TOKENS } from '../../fixtures/access-tokens.js';
import { isProblem, startApp, type TestApp } from '../../fixtures/server-app.js';

/** More than the size up to which bodies are parsed as a whole. */
const PIECE = 20_000;

const STATUSES = { ERR_BODY_MALFORMED: 400, ERR_TABLE_NOT_FOUND: 404, ERR_BODY_TOO_LARGE: 413 };

interface Begun {
  readonly method: string;
  readonly path: string;
  /** The beginning of the body. */
  readonly body: string;
  readonly announced?: number;
  readonly token?: string;
}

/** Sends the headers and the beginning of a request, and returns the response. */
async function answerToBeginning({ port }: TestApp, begun: Begun): Promise<string> {
  const { method, path, body, announced = 1_000_000, token } = begun;
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}Content-Length: ${announced}\r\n\r\n${body}`,
  );
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (/\r\n\r\n\{.*\}$/s.test(text)) break;
  }
  return text;
}

/** JSON with this beginning, continued by repetitions. */
function beginning(start: string, again: string): string {
  return start + again.repeat(Math.ceil(PIECE / again.length));
}

t.test('an invalid body is rejected before it has arrived completely', { timeout: 60_000 }, async (t) => {
  const app = await startApp(t);
  const row = { method: 'PUT', path: '/v1/tables/t/rows/k' };
  const batch = { method: 'POST', path: '/v1/tables/t/batch' };
  const members = Array.from({ length: 3000 }, (_, i) => `"m${i}":0,`).join('');
  const refused: [string, keyof typeof STATUSES, Begun][] = [
    ['a batch of numbers', 'ERR_BODY_MALFORMED', { ...batch, body: beginning('[', '0,') }],
    ['a batch that is an object', 'ERR_BODY_MALFORMED', { ...batch, body: beginning('{"a":[', '0,') }],
    [
      'too many operations',
      'ERR_BODY_MALFORMED',
      { ...batch, body: beginning('[', '{"op":"get","key":""},'.repeat(10_001)) },
    ],
    ['an operation of many members', 'ERR_BODY_MALFORMED', { ...batch, body: `[{"op":"get",${members}` }],
    ['an unknown operation', 'ERR_BODY_MALFORMED', { ...batch, body: beginning('[{"op":"no","key":"k"},', ' ') }],
    ['a row of many members', 'ERR_BODY_MALFORMED', { ...row, body: `{${members}` }],
    ['a deeply nested row', 'ERR_BODY_MALFORMED', { ...row, body: beginning('{"data":', '[') }],
    ['a row that is not JSON', 'ERR_BODY_MALFORMED', { ...row, body: beginning('', 'x') }],
    ['a table of many members', 'ERR_BODY_MALFORMED', { method: 'PUT', path: '/v1/tables/u', body: `{${members}` }],
    [
      'a table of many columns',
      'ERR_BODY_MALFORMED',
      { method: 'PUT', path: '/v1/tables/u', body: `{"columns":{${members}` },
    ],
    ['a body where none belongs', 'ERR_BODY_MALFORMED', { method: 'DELETE', path: row.path, body: beginning('', '[') }],
    [
      'a row of a missing table',
      'ERR_TABLE_NOT_FOUND',
      { ...row, path: '/v1/tables/none/rows/k', body: beginning('{', ' ') },
    ],
    [
      'a batch for a missing table',
      'ERR_TABLE_NOT_FOUND',
      { ...batch, path: '/v1/tables/none/batch', body: beginning('[', ' ') },
    ],
    ['a row that is too long', 'ERR_BODY_TOO_LARGE', { ...row, body: '{', announced: 1_048_577 }],
    ['a batch that is too long', 'ERR_BODY_TOO_LARGE', { ...batch, body: '[', announced: 4_194_305 }],
    [
      'an increment that is too long',
      'ERR_BODY_TOO_LARGE',
      { ...batch, path: `${row.path}/increment`, body: '{', announced: 1_048_577 },
    ],
  ];
  for (const [what, code, begun] of refused) {
    t.match(
      await answerToBeginning(app, begun),
      new RegExp(`^HTTP/1.1 ${STATUSES[code]} [\\s\\S]*"code":"${code}"`),
      what,
    );
  }
  t.equal(app.table.size, 0);
});

t.test('with a read token, a batch is rejected at the first operation that writes', { timeout: 60_000 }, async (t) => {
  const app = await startApp(t, { tokens: TOKENS });
  const body = beginning('[{"op":"get","key":"a"},{"op":"delete","key":"a"},', ' ');
  const answer = await answerToBeginning(app, {
    method: 'POST',
    path: '/v1/tables/t/batch',
    token: SECRETS.read,
    body,
  });
  t.match(answer, /^HTTP\/1.1 403 [\s\S]*insufficient_scope[\s\S]*ERR_FORBIDDEN/);
});

t.test('the connection of a rejected body can be used again', async (t) => {
  const { sendRaw } = await startApp(t);
  const body = `[${'0,'.repeat(100_000)}`;
  const head = 'POST /v1/tables/t/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  const next = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const answer = await sendRaw(`${head}Content-Length: ${body.length}\r\n\r\n${body}${next}`);
  t.match(answer, /^HTTP\/1.1 400 [\s\S]*HTTP\/1.1 200 [\s\S]*alive/);
});

t.test('a body is limited by its route, and limits.bodyBytes raises the limit', async (t) => {
  const columns = { text: 'string(65535)', data: 'bytes(3000000)' };
  const { send } = await startApp(t);
  t.equal((await send('PUT', '/v1/tables/wide', { json: { capacity: 2, columns } })).status, 201);
  const data = Buffer.alloc(3_000_000, 7).toString('base64');
  const text = '\u0001'.repeat(65_535);
  const put = await send('PUT', '/v1/tables/wide/rows/k', { json: { text, data } });
  t.match([put.status, put.json.row.data === data], [201, true], 'a row may have its longest values');
  const narrow = `{"i8":1${' '.repeat(1_048_576)}}`;
  const json = { 'content-type': 'application/json' };
  const path = '/v1/tables/t/rows/k';
  isProblem(t, await send('PUT', path, { body: narrow, headers: json }), 413, 'ERR_BODY_TOO_LARGE', 'over 1 MiB');
  const raised = await startApp(t, { limits: { bodyBytes: 2_000_000 } });
  t.equal((await raised.send('PUT', path, { body: narrow, headers: json })).status, 201, 'raised');
  const operation = '{"op":"put","key":"k","row":{"i8":1}}';
  const batch = `[${`${operation},`.repeat(9_999)}${operation}]`;
  const ran = await send('POST', '/v1/tables/t/batch', { body: batch, headers: json });
  t.equal(ran.json.results.length, 10_000, 'the operations of a large batch are parsed one by one');
});
