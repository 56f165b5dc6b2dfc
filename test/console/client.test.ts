/** What the console makes of the bytes of the service, and of keys. */
import t from 'tap';
import { linesOf } from '../../src/console/client/lines.js';
import { rowPath } from '../../src/console/client/paths.js';
import { pauseBefore } from '../../src/console/client/reconnection.js';
import { type ServerEvent, SseParser } from '../../src/console/client/sse-parser.js';

function parse(text: string): { events: ServerEvent[]; parser: SseParser } {
  const parser = new SseParser();
  const events = text.split('\n').flatMap((line) => parser.line(line) ?? []);
  return { events, parser };
}

t.test('an event ends with an empty line, and has its type, data and id', async (t) => {
  t.same(parse('id: 7\nevent: insert\ndata: {"a":1}\n\ndata:x').events, [{ type: 'insert', data: '{"a":1}', id: '7' }]);
});

t.test('an event without an id keeps the last one, and without a type is a message', async (t) => {
  t.same(parse('id: 7\ndata: a\n\ndata: b\n\n').events[1], { type: 'message', data: 'b', id: '7' });
});

t.test('lines of data are joined, of which one space at the start is dropped', async (t) => {
  t.equal(parse('data:  a\ndata:b\ndata\n\n').events[0]?.data, ' a\nb\n');
});

t.test('comments and events without data are no events, and a type does not outlive its event', async (t) => {
  t.same(parse(': heartbeat\n\nevent: delete\n\ndata: a\n\n').events, [{ type: 'message', data: 'a', id: undefined }]);
});

t.test('a stream is resumed after the last event or comment that is complete', async (t) => {
  t.equal(parse('id: 1\ndata: a\n\n: beat\nid: 2\n\n').parser.lastId, '2');
  t.equal(parse('id: 1\ndata: a\n\nid: 2\ndata: b').parser.lastId, '1', 'the second event has not arrived');
});

t.test('lines may end in carriage return and line feed; retry must be a number', async (t) => {
  const { events, parser } = parse('retry: 2000\r\nretry: soon\r\ndata: a\r\n\r\n');
  t.equal(events[0]?.data, 'a');
  t.equal(parser.retryMs, 2000);
});

/** A stream that delivers the bytes of a text one by one. */
function bytesOf(text: string, onCancel?: () => void): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      if (next === bytes.length) controller.close();
      else controller.enqueue(bytes.slice(next, ++next));
    },
    cancel: () => onCancel?.(),
  });
}

t.test('characters and lines that arrive in pieces are put together; the last line needs no end', async (t) => {
  const counts: number[] = [];
  const lines: string[] = [];
  for await (const line of linesOf(bytesOf('ключ\n\n𝄞'), (bytes) => counts.push(bytes))) lines.push(line);
  t.same(lines, ['ключ', '', '𝄞']);
  t.equal(counts.at(-1), 14);
});

t.test('a reader that stops ends the stream', async (t) => {
  let cancelled = false;
  for await (const _ of linesOf(bytesOf('a\nb\n', () => (cancelled = true)))) break;
  t.equal(cancelled, true);
});

t.test('the path of a row leads to its key, although browsers rewrite dots and proxies slashes', async (t) => {
  for (const key of ['42', 'a/b', '.', '..', '...', 'ключ', '%2F', 'a b', '\0', '-._~']) {
    const { path, query } = rowPath('cities', key);
    const url = new URL(path, 'http://host/prefix/');
    const last = String(url.pathname.split('/').at(-1));
    const read = query.keyEncoding === undefined ? decodeURIComponent(last) : Buffer.from(last, 'base64url').toString();
    t.equal(read, key);
    t.notMatch(url.pathname, /%/, 'no escape for a proxy to decode');
    t.match(url.pathname, /^\/prefix\/v1\/tables\/cities\/rows\/[^/]+$/);
  }
});

t.test('pauses double up to ten seconds, and clients are spread over half of each', async (t) => {
  t.same(
    [0, 1, 2, 3, 4, 5, 1000].map((failures) => pauseBefore(failures, 1)),
    [500, 1000, 2000, 4000, 8000, 10_000, 10_000],
  );
  t.equal(pauseBefore(1, 0), 500);
});
