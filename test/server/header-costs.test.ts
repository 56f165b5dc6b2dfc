/** The time to parse a header, path or query grows at most linearly with its length. */
import t from 'tap';
import { startApp } from '../fixtures/server-app.js';

const HEADERS = [
  'if-match',
  'if-none-match',
  'authorization',
  'content-type',
  'content-encoding',
  'x-request-id',
  'shm-ttl-ms',
  'last-event-id',
  'accept',
  'accept-encoding',
  'origin',
  'access-control-request-method',
  'expect',
  'connection',
  'forwarded',
  'x-forwarded-for',
];
const LONG = 31_000;
/** A beginning, a repeated part, and an end that matches nothing. */
const PATTERNS = [
  ['', ' ', 'x'],
  [',', ' ', 'x'],
  [',', '\t', '"'],
  ['"', 'a', ''],
  ['', '"a",', 'x'],
  ['', 'W/', ''],
  ['', ',', 'x'],
  ['application/json', ';', 'x'],
  ['application/json;', ' ', 'x'],
  ['application/json;a=', '\\"', ''],
  ['a', '/', ''],
  ['Bearer', ' ', ' x'],
  ['Bearer ', 'a', ' x'],
  ['', 'a', '\u00e9'],
  ['', 'a=b;', '='],
  ['gzip;q=', '0', 'x'],
] as const;

t.test('a header of 31 KB takes a few milliseconds', { timeout: 100_000 }, async (t) => {
  const { send, table } = await startApp(t);
  table.set('k', {});
  let longest = 0;
  for (const header of HEADERS) {
    for (const [first, again, last] of PATTERNS) {
      const value = first + again.repeat(LONG / again.length) + last;
      const before = process.cpuUsage();
      const method = header.startsWith('content') || header.startsWith('shm') ? 'PUT' : 'GET';
      const path = header === 'last-event-id' ? '/v1/tables/t/changes' : '/v1/tables/t/rows/k';
      await send(method, path, { headers: { [header]: value }, ...(method === 'PUT' && { body: '{}' }) }).catch(
        // Rejected by the parser of the client.
        () => undefined,
      );
      const { user, system } = process.cpuUsage(before);
      const ms = (user + system) / 1000;
      if (ms > 200) t.fail(`${header}: ${first}${again}... takes ${Math.round(ms)} ms`);
      longest = Math.max(longest, ms);
    }
  }
  t.ok(longest < 200, `${Math.round(longest)} ms at most`);
});

t.test('a path or query of 31 KB takes a few milliseconds', async (t) => {
  const { send } = await startApp(t);
  for (const text of ['/', '%41', '.', '..%2f', 'a:', '?', '&', 'a=&', '%', 'prefix=%e9&', '+']) {
    for (const start of ['/v1/tables/t/rows', '/v1/tables/t/rows?', '/docs/static/', '/']) {
      const before = process.cpuUsage();
      await send('GET', start + text.repeat(30_000 / text.length));
      const { user, system } = process.cpuUsage(before);
      t.ok(user + system < 200_000, `${start}${text}...`);
    }
  }
});
