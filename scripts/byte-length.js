/** `Buffer.byteLength` of a string, for browsers. */
export function byteLengthOf(text) {
  return new TextEncoder().encode(text).length;
}
