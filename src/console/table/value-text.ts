/**
 * Values of columns as JSON text, and as the text that a person edits. JSON text, and not values, is what is compared and
 * sent: it has -0, and 64-bit integers without loss.
 */
import { base64Bytes, fromBase64, fromHex, toBase64, toHex } from './binary-text.js';
import { type ColumnShape, columnShape, isBinary, isTextual } from './column-shape.js';
import { type Reading, readJson, readNumber } from './number-text.js';

/** How the text of a draft is written. */
export type Notation = 'plain' | 'escaped' | 'base64' | 'hex';

/** A value as it is edited. */
export interface Draft {
  readonly text: string;
  readonly notation: Notation;
}

/** Those that turn the direction of the text around them, so that it reads as another one. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;
/** Characters that a text field drops or changes, that nobody sees in it, or that change how others are seen. */
const NOT_EDITABLE = /(?![\n\t])[\p{Cc}\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]/u;
const utf8 = new TextEncoder();
/** A page is drawn at every key that is pressed, and most of its drafts are the same then. */
const readings = new WeakMap<Draft, { readonly type: string; readonly reading: Reading }>();

/** JSON text of a value of a response. */
export function jsonOf(value: unknown): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/** The value of a column that is not named in a `PUT`. */
export function zeroJson(type: string): string {
  const { kind } = columnShape(type);
  if (kind === 'boolean') return 'false';
  if (kind === 'json') return 'null';
  if (kind === 'int64') return '"0"';
  return kind === 'integer' || kind === 'float' ? '0' : '""';
}

/** The notations of a type, the usual one first. */
export function notationsOf(type: string): readonly Notation[] {
  const shape = columnShape(type);
  if (isBinary(shape)) return ['base64', 'hex'];
  return isTextual(shape) ? ['plain', 'escaped'] : ['plain'];
}

/** A value to edit, from its JSON text. */
export function draftOf(type: string, json: string): Draft {
  const shape = columnShape(type);
  const value: unknown = JSON.parse(json);
  if (isBinary(shape)) return { text: String(value), notation: 'base64' };
  if (isTextual(shape)) return textDraft(String(value));
  if (shape.kind === 'json')
    return { text: JSON.stringify(value, null, 2).replace(TURNING, escapeOf), notation: 'plain' };
  return { text: Object.is(value, -0) ? '-0' : String(value), notation: 'plain' };
}

/** Text that a text field would change, as it does with carriage returns, is edited with escapes. */
export function textDraft(text: string): Draft {
  if (!NOT_EDITABLE.test(text)) return { text, notation: 'plain' };
  return { text: escaped(text), notation: 'escaped' };
}

/** The inside of a JSON string, also with escapes where JSON needs none but a text field does. */
function escaped(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\p{Cc}\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]/gu, escapeOf);
}

function escapeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** The same value in another notation; undefined if the draft cannot be read, or not be written so. */
export function convertDraft(type: string, draft: Draft, notation: Notation): Draft | undefined {
  const reading = readDraft(type, draft);
  if (reading.json === undefined) return undefined;
  const value: unknown = JSON.parse(reading.json);
  if (typeof value !== 'string') return undefined;
  switch (notation) {
    case 'base64':
      return { text: value, notation };
    case 'hex':
      return { text: toHex(fromBase64(value) ?? new Uint8Array(0)), notation };
    case 'escaped':
      return { text: escaped(value), notation };
    case 'plain':
      return NOT_EDITABLE.test(value) ? undefined : { text: value, notation };
  }
}

/** The value that a draft means, or why it means none of this type. */
export function readDraft(type: string, draft: Draft): Reading {
  const known = readings.get(draft);
  if (known?.type === type) return known.reading;
  const reading = read(type, draft);
  readings.set(draft, { type, reading });
  return reading;
}

function read(type: string, draft: Draft): Reading {
  const shape = columnShape(type);
  switch (shape.kind) {
    case 'integer':
    case 'int64':
    case 'float':
      return readNumber(type, shape, draft.text);
    case 'boolean':
      return draft.text === 'true' || draft.text === 'false'
        ? { json: draft.text }
        : { problem: 'must be true or false' };
    case 'json':
      return readJson(draft.text);
    case 'string':
    case 'text':
      return readText(shape, draft);
    case 'bytes':
    case 'blob':
      return readBinary(shape, draft);
  }
}

/** The text of a draft in a notation of texts; undefined if its escapes are malformed. */
function plainText({ text, notation }: Draft): string | undefined {
  if (notation !== 'escaped') return text;
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return String(value);
  } catch {
    return undefined;
  }
}

/** Bytes of UTF-8. */
export function textBytes(text: string): number {
  return utf8.encode(text).length;
}

function readText({ maxBytes }: ColumnShape, draft: Draft): Reading {
  const text = plainText(draft);
  if (text === undefined) {
    return { problem: 'must be the inside of a JSON string: \\n, \\", \\\\ and \\u0000 stand for what they escape' };
  }
  if (!text.isWellFormed()) return { problem: 'must be well-formed Unicode: it has half of a surrogate pair' };
  return within(maxBytes, textBytes(text), JSON.stringify(text));
}

function readBinary({ maxBytes }: ColumnShape, { text, notation }: Draft): Reading {
  const bytes = notation === 'hex' ? fromHex(text) : fromBase64(text);
  if (bytes === undefined) {
    return { problem: notation === 'hex' ? 'must be pairs of hexadecimal digits' : 'must be base64' };
  }
  return within(maxBytes, bytes.length, `"${toBase64(bytes)}"`);
}

function within(maxBytes: number | undefined, bytes: number, json: string): Reading {
  if (maxBytes === undefined || bytes <= maxBytes) return { json };
  return { problem: `must have at most ${maxBytes} bytes, has ${bytes}` };
}

/** Bytes of a value whose JSON text is a string. */
export function valueBytes(type: string, json: string): number {
  const shape = columnShape(type);
  const value: unknown = JSON.parse(json);
  if (isBinary(shape)) return base64Bytes(String(value));
  return textBytes(isTextual(shape) ? String(value) : json);
}
