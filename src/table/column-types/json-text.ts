/** Conversions of numbers and strings between JSON and plain text. */

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
/**
 * Texts up to this length are searched here for characters that JSON must escape, which is faster than
 * `JSON.stringify`.
 */
const SHORT = 32;

/** The number or null that a text represents in JSON; any other text unchanged. */
export function numberIn(text: string): unknown {
  if (text === 'null') return null;
  return NUMBER.test(text) ? Number(text) : text;
}

/** A text as JSON. */
export function jsonString(text: string): string {
  if (text.length > SHORT) return JSON.stringify(text);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x22 || code === 0x5c || code > 0x7e) return JSON.stringify(text);
  }
  return `"${text}"`;
}
