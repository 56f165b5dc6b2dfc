import { types } from 'node:util';

const MOST_CHARACTERS = 80;
/** A bigint beyond it is not written out: that takes seconds for millions of digits. */
const LARGEST_BIGINT = 2n ** 256n;

/**
 * A value as an error message shows it: its kind once, cut when it is long, and never a failure of its own. No code of the
 * value's runs: it may be a proxy, or have getters that throw.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > MOST_CHARACTERS
        ? `${JSON.stringify(value.slice(0, MOST_CHARACTERS))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
      if (value > LARGEST_BIGINT || value < -LARGEST_BIGINT) return 'a bigint of more than 256 bits';
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'symbol':
      return cut(String(value));
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : showObject(value);
    default:
      return String(value);
  }
}

function showObject(value: object): string {
  if (types.isProxy(value)) return 'an object';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (types.isTypedArray(value)) return `a typed array (${value[Symbol.toStringTag]})`;
  if (types.isPromise(value)) return 'a promise';
  if (types.isDate(value)) return 'a Date';
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer';
  return 'an object';
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
