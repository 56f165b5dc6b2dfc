/** Bytes as text: base64 (RFC 4648, section 4) as the service sends them, and hexadecimal for people. */

/** Characters that one call of `String.fromCharCode` gets: more arguments would exceed the stack. */
const PIECE = 8192;
const WHITE_SPACE = /\s+/g;

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += PIECE) binary += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(binary);
}

/** Undefined if the text is not base64. White space and missing padding are accepted. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const compact = text.replace(WHITE_SPACE, '');
  let binary: string;
  try {
    binary = atob(compact);
  } catch {
    return undefined;
  }
  // Bits beyond the last byte must be zero, or two texts would mean the same bytes.
  if (btoa(binary).replace(/=+$/, '') !== compact.replace(/=+$/, '')) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Pairs of digits, sixteen bytes to a line. */
export function toHex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    lines.push(Array.from(bytes.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, '0')).join(' '));
  }
  return lines.join('\n');
}

/** Undefined if the text is not pairs of hexadecimal digits. White space is accepted between digits. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(WHITE_SPACE, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Number of bytes that a base64 text with padding stands for. */
export function base64Bytes(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}
