import t from 'tap';
import { isProblem, startApp } from '../fixtures/server-app.js';

const ROW = '/v1/tables/t/rows/k';

t.test('a value that does not fit its column is rejected and changes nothing', async (t) => {
  const { send, table } = await startApp(t);
  await send('PUT', ROW, { json: { text: 'before' } });
  const before = table.entry('k');
  const refused: [string, string, string][] = [
    ['{"i8":"5"}', 'ERR_COLUMN_TYPE', 'a string for a number'],
    ['{"i8":true}', 'ERR_COLUMN_TYPE', 'a boolean for a number'],
    ['{"i8":[1]}', 'ERR_COLUMN_TYPE', 'an array for a number'],
    ['{"i8":128}', 'ERR_VALUE_RANGE', 'an int8 too large'],
    ['{"i8":1e400}', 'ERR_VALUE_RANGE', 'a number that overflows, as an integer'],
    ['{"f64":1e400}', 'ERR_VALUE_RANGE', 'a number that overflows, as a float'],
    ['{"f64":"nan"}', 'ERR_COLUMN_TYPE', 'another spelling of NaN'],
    ['{"f64":"1.5"}', 'ERR_COLUMN_TYPE', 'a number in a string'],
    ['{"big":"01"}', 'ERR_COLUMN_TYPE', 'an int64 with a leading zero'],
    ['{"big":"+1"}', 'ERR_COLUMN_TYPE', 'an int64 with a plus'],
    ['{"big":""}', 'ERR_COLUMN_TYPE', 'an empty int64'],
    ['{"big":1.5}', 'ERR_COLUMN_TYPE', 'an int64 with a fraction'],
    ['{"big":9007199254740993}', 'ERR_VALUE_RANGE', 'an int64 as a number that is not safe'],
    ['{"big":"9223372036854775808"}', 'ERR_VALUE_RANGE', 'an int64 that is too large by one'],
    [`{"big":"${'9'.repeat(1_000_000)}"}`, 'ERR_VALUE_RANGE', 'an int64 of a million digits'],
    ['{"flag":1}', 'ERR_COLUMN_TYPE', 'a number for a boolean'],
    ['{"text":5}', 'ERR_COLUMN_TYPE', 'a number for a string'],
    ['{"text":"\\ud800"}', 'ERR_COLUMN_TYPE', 'a lone surrogate'],
    [`{"text":"${'x'.repeat(21)}"}`, 'ERR_VALUE_TOO_LONG', 'a string that is too long'],
    ['{"data":"AAA"}', 'ERR_COLUMN_TYPE', 'base64 without padding'],
    ['{"data":"AAB="}', 'ERR_COLUMN_TYPE', 'base64 with bits left over'],
    ['{"data":"A-_="}', 'ERR_COLUMN_TYPE', 'base64url'],
    ['{"data":"AA AA="}', 'ERR_COLUMN_TYPE', 'base64 with a space'],
    ['{"data":"AAECAwQFBgcI"}', 'ERR_VALUE_TOO_LONG', 'too many bytes'],
    ['{"text":null}', 'ERR_COLUMN_TYPE', 'null'],
    ['{"nope":1}', 'ERR_COLUMN_UNKNOWN', 'an unknown column'],
    ['{"__proto__":1}', 'ERR_COLUMN_UNKNOWN', 'a name that is special in JavaScript'],
    ['{"constructor":1}', 'ERR_COLUMN_UNKNOWN', 'another such name'],
  ];
  for (const [body, code, what] of refused) {
    isProblem(t, await send('PUT', ROW, { body, headers: { 'content-type': 'application/json' } }), 422, code, what);
  }
  t.same(table.entry('k'), before, 'and the row is unchanged');
});

t.test('every value is returned as it was sent', async (t) => {
  const { send, table } = await startApp(t);
  const rows = [
    '{"i8":-128,"u32":4294967295,"big":"-9223372036854775808","f32":1.5,"f64":-0,"flag":true,"text":"a\\"b\\u0000é😀","data":"AAECAwQFBgc="}',
    '{"i8":0,"u32":0,"big":"9223372036854775807","f32":"NaN","f64":"-Infinity","flag":false,"text":"","data":""}',
    '{"i8":1,"u32":7,"big":"0","f32":"Infinity","f64":5e-324,"flag":true,"text":"\\u2028","data":"/+8="}',
    '{"i8":1,"u32":7,"big":"123456789012345678","f32":-0,"f64":1.7976931348623157e+308,"flag":true,"text":"x","data":"AA=="}',
  ];
  for (const body of rows) {
    const written = await send('PUT', ROW, { body, headers: { 'content-type': 'application/json' } });
    const read = await send('GET', ROW);
    const text = body.replace('\\"b', '\\"b').replace('\\u2028', '\u2028');
    t.equal(read.text.slice(read.text.indexOf('"row":') + 6, -1), text, 'the row as text');
    t.equal(written.text, read.text, 'the response to the write is the same');
  }
  await send('PUT', ROW, { json: { big: -42, i8: -0, f32: 0.1 } });
  t.match(
    table.get('k'),
    { big: -42n, i8: 0, f32: Math.fround(0.1) },
    'int64 may be sent as a number; float32 is rounded',
  );
  t.match(
    (await send('PUT', ROW, { json: { f32: 0.1 } })).json.row,
    { f32: Math.fround(0.1) },
    'and the response shows the rounded value',
  );
});
