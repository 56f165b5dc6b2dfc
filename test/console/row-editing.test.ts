/**
 * Values that a person edits mean exactly what is stored, for every type of column, or are refused with the reason; when a
 * row is written by another meanwhile, nobody's change is overwritten without a choice.
 */

import t from 'tap';
import { columnShape } from '../../src/console/table/column-shape.js';
import { lifetimeOf } from '../../src/console/table/lifetime.js';
import { readAmount } from '../../src/console/table/number-text.js';
import { editedJson, rowJsonOf, withDraft } from '../../src/console/table/row-drafts.js';
import { differences, excerpt, merged, objectJson, undecided } from '../../src/console/table/row-versions.js';
import { convertDraft, type Draft, draftOf, jsonOf, readDraft, zeroJson } from '../../src/console/table/value-text.js';

const plain = (text: string): Draft => ({ text, notation: 'plain' });
const problemOf = (type: string, draft: Draft): string | undefined => {
  const reading = readDraft(type, draft);
  return 'problem' in reading ? reading.problem : undefined;
};

t.test('an integer beyond the range of its type is refused, and the limits are named', async (t) => {
  for (const [type, min, max] of [
    ['int8', '-128', '127'],
    ['uint8', '0', '255'],
    ['int16', '-32768', '32767'],
    ['uint32', '0', '4294967295'],
    ['int64', '-9223372036854775808', '9223372036854775807'],
  ]) {
    for (const text of [min, max]) t.equal(problemOf(type, plain(text)), undefined, `${type} ${text}`);
    for (const text of [String(BigInt(min) - 1n), String(BigInt(max) + 1n), '1.5', '', '1e3', '0x10', 'NaN']) {
      t.match(problemOf(type, plain(text)), `from ${min} to ${max}`, `${type} ${text}`);
    }
  }
  t.match(problemOf('int32', plain('9'.repeat(1_000_000))), 'from');
});

t.test('an int64 is not rounded', async (t) => {
  t.same(readDraft('int64', plain('9007199254740993')), { json: '"9007199254740993"' });
  t.equal(draftOf('int64', '"-9223372036854775807"').text, '-9223372036854775807');
});

t.test('an integer is sent in the only form that the service takes', async (t) => {
  for (const text of ['007', '+7', ' 7 ']) t.same(readDraft('int32', plain(text)), { json: '7' }, text);
  t.same(readDraft('int64', plain('-007')), { json: '"-7"' });
});

t.test('a float may be -0, NaN or infinite', async (t) => {
  t.same(readDraft('float64', plain('-0')), { json: '-0' });
  t.same(readDraft('float64', plain('nan')), { json: '"NaN"' });
  t.same(readDraft('float32', plain('-Infinity')), { json: '"-Infinity"' });
  t.equal(jsonOf(-0), '-0');
  for (const json of ['-0', '"NaN"', '"Infinity"', '1e-7', '0.1']) {
    t.same(readDraft('float64', draftOf('float64', json)), { json }, json);
  }
});

t.test('a float that is stored as another number says which', async (t) => {
  t.match(readDraft('float32', plain('0.1')), { json: '0.1', note: /0\.10000000149011612/ });
  t.same(readDraft('float32', plain('0.5')), { json: '0.5' });
  t.match(problemOf('float32', plain('1e39')), /beyond the largest float32/);
  t.match(problemOf('float64', plain('1e309')), /beyond the largest float64/);
  for (const text of ['', '1,5', '1_000', '0x1', 'one']) t.match(problemOf('float64', plain(text)), /must be a number/);
});

t.test('the length of a string is counted in bytes of UTF-8', async (t) => {
  t.equal(problemOf('string(4)', plain('ää')), undefined);
  t.equal(problemOf('string(4)', plain('äää')), 'must have at most 4 bytes, has 6');
  t.match(problemOf('text', plain('\ud800')), /well-formed/);
});

t.test('text that a text field would change is edited with escapes', async (t) => {
  for (const text of ['a\r\nb', '\0', '\u2028', '\ufeffa', 'a\x1bb', 'a\u202egnp.exe', '\u2066x']) {
    const draft = draftOf('text', JSON.stringify(text));
    t.equal(draft.notation, 'escaped', encodeURI(text));
    t.notMatch(draft.text, /[\r\n\0\u202e\u2066]/);
    t.same(readDraft('text', draft), { json: JSON.stringify(text) });
    t.equal(convertDraft('text', draft, 'plain'), undefined, 'it cannot be shown as it is');
  }
  const turned = draftOf('json', '"a\u202eb"');
  t.equal(turned.text, '"a\\u202eb"', 'also in JSON');
  t.same(readDraft('json', turned), { json: '"a\u202eb"' });
  t.same(draftOf('text', '"a\\n\\tb\\\\"'), plain('a\n\tb\\'));
  t.same(convertDraft('text', plain('a\nb"'), 'escaped'), { text: 'a\\nb\\"', notation: 'escaped' });
  t.match(problemOf('text', { text: 'a"b', notation: 'escaped' }), /JSON string/);
});

t.test('bytes are the same in base64 and in hexadecimal', async (t) => {
  const base64: Draft = { text: 'AAEC/w==', notation: 'base64' };
  t.same(draftOf('bytes(4)', '"AAEC/w=="'), base64);
  const hex = convertDraft('bytes(4)', base64, 'hex');
  t.same(hex, { text: '00 01 02 ff', notation: 'hex' });
  t.same(readDraft('bytes(4)', hex as Draft), { json: '"AAEC/w=="' });
  t.same(readDraft('blob', { text: ' AAEC\n/w ', notation: 'base64' }), { json: '"AAEC/w=="' });
  t.equal(problemOf('bytes(3)', base64), 'must have at most 3 bytes, has 4');
  for (const text of ['A', 'AAEC/x==', 'ä', 'AA-_'])
    t.match(problemOf('blob', { text, notation: 'base64' }), /base64/, text);
  for (const text of ['0', '0g']) t.match(problemOf('blob', { text, notation: 'hex' }), /hexadecimal/, text);
});

t.test('JSON that is malformed is refused with its place', async (t) => {
  t.same(readDraft('json', plain('{ "a": [1, null] }')), { json: '{"a":[1,null]}' });
  t.match(problemOf('json', plain('{\n  "a": 1,\n}')), /line 3 column 1/);
  t.match(problemOf('json', plain('')), /is not JSON/);
  t.match(problemOf('json', plain('[1e999]')), /range of a double/);
});

t.test('a boolean is true or false', async (t) => {
  t.same(readDraft('boolean', plain('false')), { json: 'false' });
  t.match(problemOf('boolean', plain('0')), /true or false/);
});

t.test('the zero of every type is a value of it', async (t) => {
  for (const type of ['int8', 'int64', 'float32', 'boolean', 'string(3)', 'bytes(3)', 'text', 'blob', 'json']) {
    t.same(readDraft(type, draftOf(type, zeroJson(type))), { json: zeroJson(type) }, type);
  }
});

const base = { a: '1', b: '"x"', c: 'true', d: '-0' };

t.test('a column that both changed must be decided, and is left as it is until then', async (t) => {
  const columns = differences(base, { ...base, a: '2' }, { a: '3', b: '"y"' });
  t.same(undecided(columns, {}), ['a']);
  t.same(merged(columns, {}), { b: '"y"' });
  t.same(merged(columns, { a: 'yours' }), { a: '3', b: '"y"' });
  t.same(merged(columns, { a: 'theirs', b: 'theirs' }), {});
  t.same(undecided(columns, { a: 'theirs' }), []);
});

t.test('a column that only one side changed keeps that change', async (t) => {
  const columns = differences(base, { ...base, a: '2' }, { b: '"y"' });
  t.same(columns, [
    { column: 'a', base: '1', theirs: '2', yours: '1', changedBy: 'theirs' },
    { column: 'b', base: '"x"', theirs: '"x"', yours: '"y"', changedBy: 'yours' },
  ]);
  t.same(merged(columns, {}), { b: '"y"' });
});

t.test('the same change on both sides is no conflict and needs no write', async (t) => {
  const columns = differences(base, { ...base, a: '2' }, { a: '2' });
  t.same(undecided(columns, {}), []);
  t.same(merged(columns, {}), {});
  t.same(differences(base, base, { a: '1' }), [], 'and what was edited back is not a change');
});

t.test('0 and -0 differ', async (t) => {
  t.same(merged(differences(base, base, { d: '0' }), {}), { d: '0' });
});

t.test('a row is sent with its values as they are written', async (t) => {
  t.equal(objectJson({ d: '-0', e: '"9007199254740993"' }), '{"d":-0,"e":"9007199254740993"}');
  t.equal(objectJson({}), '{}');
});

t.test('of long texts, the part that differs is shown', async (t) => {
  const same = 'x'.repeat(5000);
  const [shown, other] = [excerpt(`${same}a${same}`, `${same}b${same}`), excerpt(`${same}b${same}`, `${same}a${same}`)];
  t.match(shown, /^…x+ax+…$/);
  t.equal(shown.indexOf('a'), other.indexOf('b'));
  t.equal(excerpt('short', 'shore'), 'short');
});

t.test('only what was edited is written', async (t) => {
  const types = { i: 'int8', s: 'text' };
  const json = rowJsonOf({ i: 1, s: 'a' });
  const originals = { i: draftOf('int8', json.i), s: draftOf('text', json.s) };
  let drafts = withDraft({}, originals, 'i', plain('2'));
  t.same(editedJson(drafts, json, types), { i: '2' });
  drafts = withDraft(drafts, originals, 'i', plain('01'));
  t.same(editedJson(drafts, json, types), {}, 'the same value in other digits');
  t.same(withDraft(drafts, originals, 'i', plain('1')), {}, 'taken back');
  t.equal(editedJson({ i: plain('x') }, json, types), undefined, 'nothing as long as one value cannot be read');
});

t.test('a lifetime is a number of whole milliseconds', async (t) => {
  const draft = { choice: 'set', count: '1.5', unit: 'seconds' } as const;
  t.same(lifetimeOf(draft), { ttlMs: 1500 });
  for (const count of ['', '0', '-1', '1e3', 'x', '0.0001', '99999999999999999']) {
    t.match(lifetimeOf({ ...draft, count }), { problem: /at least 1/ }, count);
  }
  t.equal(lifetimeOf({ ...draft, choice: 'keep' }), undefined);
});

t.test('an amount may be negative although the values of its column are not', async (t) => {
  t.same(readAmount(columnShape('uint8'), '-300'), { json: '-300' });
  t.same(readAmount(columnShape('int64'), '9007199254740993'), { json: '"9007199254740993"' });
  t.same(readAmount(columnShape('float32'), '0.1'), { json: '0.1' });
  t.match(readAmount(columnShape('int32'), '0.5'), { problem: /integer/ });
});
