/** Arrays as they are, whatever a subclass says of itself. */
import { types } from 'node:util';

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

/**
 * The same bytes under a length that stays. Another thread can make a SharedArrayBuffer longer, and with it an array that
 * follows its length, between a look at the length and the copying.
 */
export function withFixedLength(value: Uint8Array): Uint8Array {
  const buffer: ArrayBufferLike = Reflect.get(TypedArrayPrototype, 'buffer', value);
  if (!types.isSharedArrayBuffer(buffer)) return value;
  return new Uint8Array(buffer, Reflect.get(TypedArrayPrototype, 'byteOffset', value), byteLengthOf(value));
}
