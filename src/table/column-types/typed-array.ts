/** Arrays as they are, whatever a subclass says of itself. */
const TypedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);

/** The true length of an array: a subclass may have a `byteLength` of its own, which `TypedArray.set` ignores. */
export function byteLengthOf(value: Uint8Array): number {
  return Reflect.get(TypedArrayPrototype, 'byteLength', value);
}

/** Whether an array has lost its memory: it was transferred, or its buffer has shrunk below it. */
export function isDetached(value: Uint8Array): boolean {
  if (byteLengthOf(value) > 0) return false;
  try {
    Uint8Array.prototype.indexOf.call(value, 0);
    return false;
  } catch {
    return true;
  }
}
