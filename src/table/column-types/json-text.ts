/** Numbers and strings between JSON and text. */

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;
/** Texts up to this length are searched for what JSON has to escape; it is faster than to have it searched for. */
const SHORT = 32;

/** The number or null that a text is in JSON; any other text as it is. */
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
