/** Values in a list of rows: one line, and short. */
import { formatCount } from '../formats.js';
import { base64Bytes, fromBase64, toHex } from './binary-text.js';
import { columnShape, isBinary, isTextual } from './column-shape.js';
import { shownKey } from './shown-key.js';

const MAX_CHARACTERS = 40;
const MAX_BYTES = 12;

/** A value of a response in one short line; `of` says how long it is if that is not all of it. */
export function shortValue(type: string, value: unknown): { readonly text: string; readonly of?: string } {
  if (value === undefined) return { text: '' };
  const shape = columnShape(type);
  if (isBinary(shape) && typeof value === 'string') {
    const bytes = base64Bytes(value);
    const begin = toHex(fromBase64(value.slice(0, 16)) ?? new Uint8Array(0));
    return bytes <= MAX_BYTES ? { text: begin } : { text: `${begin} …`, of: `${formatCount(bytes)} bytes` };
  }
  if (isTextual(shape) && typeof value === 'string') return cut(value);
  if (Object.is(value, -0)) return { text: '-0' };
  if (typeof value === 'string' && shape.kind !== 'json') return { text: value };
  return cut(JSON.stringify(value));
}

function cut(text: string): { readonly text: string; readonly of?: string } {
  if (text.length <= MAX_CHARACTERS) return { text: shownKey(text) };
  // Not between the halves of a surrogate pair.
  const begin = text.slice(0, MAX_CHARACTERS).replace(/[\ud800-\udbff]$/, '');
  return { text: `${shownKey(begin)}…`, of: `${formatCount(text.length)} characters` };
}
