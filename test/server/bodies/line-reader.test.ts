import t from 'tap';
import { BodyBudget } from '../../../src/server/bodies/body-budget.js';
import { type Line, LineReader } from '../../../src/server/bodies/line-reader.js';

const LIMITS = { maxBytes: 100_000, structure: { maxDepth: 2, maxMembers: [] } };
/** What a budget has if no setting raises it. */
const ALL = 128 * 1024 * 1024;

function shown(line: Line): string {
  return 'bytes' in line ? `${line.number} ${line.bytes}` : `${line.number} ${Object(line.error).code}`;
}

t.test('lines are the same however they arrive', async (t) => {
  const long = `"${'x'.repeat(40_000)}"`;
  const body = Buffer.from(`a\n\r\n${long}\nnot json ${long}\n"${long.slice(1, -1).repeat(3)}"\nlast`);
  const expected = ['1 a', '2 \r', `3 ${long}`, '4 ERR_BODY_MALFORMED', '5 ERR_BODY_TOO_LARGE', '6 last'];
  for (const size of [body.length, 65_536, 16_385, 7, 1]) {
    const reader = new LineReader(LIMITS, new BodyBudget(0));
    const lines: string[] = [];
    for (let at = 0; at < body.length; at += size) {
      for (const line of reader.lines(body.subarray(at, at + size))) lines.push(shown(line));
    }
    for (const line of reader.end()) lines.push(shown(line));
    t.same(lines, expected, `pieces of ${size} bytes`);
  }
});

t.test('long lines that are not complete share the budget of all bodies', async (t) => {
  const budget = new BodyBudget(0);
  const begin = (): LineReader => {
    const reader = new LineReader(LIMITS, budget);
    for (const line of reader.lines(Buffer.from(`"${'x'.repeat(50_000)}`))) t.fail(shown(line));
    return reader;
  };
  const end = (reader: LineReader): string[] =>
    [...reader.lines(Buffer.from('"\n{}\n'))].map((line) => shown(line).slice(0, 20));
  budget.take(ALL - 60_000);
  const first = begin();
  t.same(end(begin()), ['1 ERR_RATE_LIMITED', '2 {}'], 'one too many fails, and only this line of it');
  t.match(end(first), [/^1 "xxx/, '2 {}']);
  t.match(end(begin()), [/^1 "xxx/, '2 {}'], 'a complete line is no longer counted');
  begin().close();
  t.match(end(begin()), [/^1 "xxx/, '2 {}'], 'nor one that will not be completed');
});
