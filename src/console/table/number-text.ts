/** Numbers and JSON as a person types them. */
import type { ColumnShape } from './column-shape.js';

/** What a text means. A note says what will be stored if that is not what is written. */
export type Reading =
  | { readonly json: string; readonly note?: string }
  | { readonly problem: string; readonly json?: undefined };

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const NOT_FINITE: Readonly<Record<string, string>> = {
  nan: '"NaN"',
  infinity: '"Infinity"',
  '+infinity': '"Infinity"',
  '-infinity': '"-Infinity"',
};
/** A longer text cannot be in any range, and parsing a very long one takes quadratic time. */
const MAX_DIGITS = 100;

export function readNumber(type: string, shape: ColumnShape, typed: string): Reading {
  const text = typed.trim();
  return shape.kind === 'float' ? readFloat(type, text) : readInteger(type, shape, text);
}

function readInteger(type: string, { kind, range }: ColumnShape, text: string): Reading {
  const { min, max } = range ?? { min: 0n, max: 0n };
  const limits = { problem: `must be an integer from ${min} to ${max}` };
  if (!INTEGER.test(text) || text.length > MAX_DIGITS) return limits;
  const value = BigInt(text.replace(/^\+/, ''));
  if (value < min || value > max) return { problem: `${limits.problem} (${type})` };
  return { json: kind === 'int64' ? `"${value}"` : `${value}` };
}

function readFloat(type: string, text: string): Reading {
  const named = NOT_FINITE[text.toLowerCase()];
  if (named !== undefined) return { json: named };
  if (!DECIMAL.test(text)) return { problem: 'must be a number, NaN, Infinity or -Infinity' };
  const value = Number(text);
  const stored = type === 'float32' ? Math.fround(value) : value;
  if (!Number.isFinite(stored)) {
    return { problem: `is beyond the largest ${type}; an infinity is written Infinity or -Infinity` };
  }
  const json = Object.is(value, -0) ? '-0' : `${value}`;
  return stored === value ? { json } : { json, note: `float32 stores ${stored}` };
}

/** A JSON value; the problem of another text names line and column where the browser's message has the position. */
export function readJson(text: string): Reading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { problem: `is not JSON: ${withPlace(message, text)}` };
  }
  if (hasInfinity(value)) return { problem: 'has a number beyond the range of a double' };
  return { json: JSON.stringify(value) };
}

function withPlace(message: string, text: string): string {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position === undefined || message.includes('line ')) return message;
  const before = text.slice(0, Number(position)).split('\n');
  return `${message} (line ${before.length} column ${before[before.length - 1].length + 1})`;
}

/** JSON has no infinity: the parser returns one for a number that is too large. */
function hasInfinity(parsed: unknown): boolean {
  const left: unknown[] = [parsed];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'number' && !Number.isFinite(value)) return true;
    if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) left.push(member);
  }
  return false;
}

/** What is to be added to a numeric column: it may be negative although the column's values are not. */
export function readAmount(shape: ColumnShape, typed: string): Reading {
  const text = typed.trim();
  if (shape.kind === 'float') return readFloat('float64', text);
  if (!INTEGER.test(text) || text.length > MAX_DIGITS) return { problem: 'must be an integer' };
  const value = BigInt(text.replace(/^\+/, ''));
  return { json: shape.kind === 'int64' ? `"${value}"` : `${value}` };
}
