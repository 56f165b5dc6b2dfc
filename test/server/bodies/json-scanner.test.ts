import t from 'tap';
import { JsonScanner } from '../../../src/server/bodies/json-scanner.js';

const ANY = { maxDepth: 64, maxMembers: [] };

/** Whether the scanner accepts a text that arrives in two pieces, and the elements of its root. */
function scan(bytes: Buffer, cut: number, elements?: string[]): boolean {
  const scanner = new JsonScanner(ANY, elements === undefined ? undefined : (each) => elements.push(each.toString()));
  try {
    scanner.push(bytes.subarray(0, cut));
    scanner.push(bytes.subarray(cut));
    scanner.end();
    return true;
  } catch {
    return false;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const TEXTS = [
  '{"a":[1,-0,0.5e+10,12E3,{"b":{}}],"c":"\\u00e9\\n\\"","d":true,"e":null}',
  ' [ ] ',
  '[[],{},[[1]],"",false]',
  '-12.25e-7',
  '"x"',
  '[1 , 2,\t3\r\n]',
  '{"":"","a\\\\":0}',
];
/** Bytes that replace a byte of a text, or are inserted. */
const BYTES = [
  '',
  ' ',
  '"',
  '\\',
  ',',
  ':',
  '[',
  ']',
  '{',
  '}',
  '0',
  '1',
  '-',
  '.',
  'e',
  't',
  'n',
  'u',
  '\n',
  '\u0001',
];

t.test('the scanner accepts exactly the texts that JSON.parse accepts, wherever they are cut', async (t) => {
  let taken = 0;
  let refused = 0;
  for (const text of TEXTS) {
    for (let at = 0; at <= text.length; at++) {
      for (const byte of BYTES) {
        for (const rest of [text.slice(at), text.slice(at + 1)]) {
          const changed = text.slice(0, at) + byte + rest;
          const expected = parses(changed);
          if (expected) taken++;
          else refused++;
          const bytes = Buffer.from(changed);
          if (scan(bytes, Math.min(at, bytes.length)) !== expected || scan(bytes, bytes.length >> 1) !== expected) {
            t.fail(`${JSON.stringify(changed)} must be ${expected ? 'accepted' : 'rejected'}`);
          }
        }
      }
    }
  }
  t.ok(taken > 500 && refused > 500, `${taken} texts were accepted, ${refused} rejected`);
});

t.test('each element of an array at the root is passed on', async (t) => {
  const text = '[{"a":[1,2]},"x]y",[ [] ], 12 ,null,{"b":"}"}]';
  for (let cut = 0; cut <= text.length; cut++) {
    const elements: string[] = [];
    t.ok(scan(Buffer.from(text), cut, elements));
    t.same(elements, ['{"a":[1,2]}', '"x]y"', '[ [] ]', '12', 'null', '{"b":"}"}'], `cut at ${cut}`);
  }
});

t.test('the scanner stops at the first fault', async (t) => {
  const faults: [string, RegExp, object?][] = [
    ['{"a":1,}', /unexpected '\}' at byte 7/],
    ['nul!', /unexpected '!' at byte 3/],
    ['[1]x', /unexpected 'x' at byte 3/],
    ['"\n"', /unexpected 0xa at byte 1/],
    ['[[[', /objects and arrays may be nested at most 2 deep \(byte 2\)/, { maxDepth: 2 }],
    ['[0,0,0', /an array has more than 2 members at byte 5/, { maxMembers: [2] }],
    ['[{"a":1,"b":2', /an object has more than 1 members at byte 8/, { maxMembers: [9, 1] }],
  ];
  for (const [text, message, limits] of faults) {
    t.throws(() => new JsonScanner({ ...ANY, ...limits }).push(Buffer.from(text)), {
      code: 'ERR_BODY_MALFORMED',
      message,
    });
  }
  const incomplete = new JsonScanner(ANY);
  incomplete.push(Buffer.from('[1,'));
  t.throws(() => incomplete.end(), { message: /is incomplete after 3 bytes/ });
});
