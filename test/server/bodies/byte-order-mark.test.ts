/** A byte order mark at the beginning of a body is ignored, whatever its size and form, and nowhere else. */
import { connect } from 'node:net';
import t from 'tap';
import { Table } from '../../../src/table/table.js';
import { isProblem, startApp } from '../../fixtures/server-app.js';

const MARK = '\ufeff';
const LINES = { 'content-type': 'application/x-ndjson' };
const JSON_TYPE = { 'content-type': 'application/json' };
/** Such a body is checked while it arrives. */
const LARGE = ' '.repeat(20_000);

t.test('JSON and lines may begin with a byte order mark', async (t) => {
  const { send, port, namespace } = await startApp(t);
  using table = Table.open('t', { namespace });
  const path = '/v1/tables/t/rows';
  for (const [key, body] of [
    ['small', '{"u32":7}'],
    ['large', `{"u32":7${LARGE}}`],
  ]) {
    const put = (text: string) => send('PUT', `${path}/${key}`, { body: text, headers: JSON_TYPE });
    t.equal((await put(MARK + body)).status, 201, key);
    t.equal(table.get(key, 'u32'), 7);
    isProblem(t, await put(MARK + MARK + body), 400, 'ERR_BODY_MALFORMED', `${key}, two marks`);
    isProblem(t, await put(` ${MARK}${body}`), 400, 'ERR_BODY_MALFORMED', `${key}, a mark elsewhere`);
    const batch = `[{"op":"delete","key":"${key}"}${body.includes(LARGE) ? LARGE : ''}]`;
    const deleted = await send('POST', '/v1/tables/t/batch', { body: MARK + batch, headers: JSON_TYPE });
    t.match(deleted.json, { results: [{ status: 204 }] }, `a ${key} batch`);

    const line = `{"key":"${key}","row":${body}}`;
    const loaded = await send('POST', path, { body: `${MARK}${line}\n${MARK}${line}\n`, headers: LINES });
    t.match(
      loaded.json,
      { written: 1, failed: [{ line: 2, problem: { code: 'ERR_BODY_MALFORMED' } }] },
      `a ${key} line`,
    );
  }

  const socket = connect(port, '127.0.0.1').setNoDelay();
  const bytes = Buffer.from(`${MARK}{"key":"pieces","row":{}}\n`);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\n`,
  );
  socket.write('Transfer-Encoding: chunked\r\n\r\n');
  for (const byte of bytes) socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]));
  socket.write('0\r\n\r\n');
  let response = '';
  for await (const piece of socket) response += piece;
  t.match(response, '{"written":1,"failed":[]}', 'byte by byte');
});
