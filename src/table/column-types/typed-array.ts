/** Properties of arrays as they really are, whatever a subclass claims. */
import { types } from 'node:util';

const TypedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype);

/** The true length of an array: a subclass may have its own `byteLength`, which `TypedArray.set` ignores. */
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
 * The same bytes with a fixed length. Another thread can grow a SharedArrayBuffer, and with it an array that tracks its
 * length, between the check of the length and the copying.
 */
function withFixedLength(value: Uint8Array): Uint8Array {
  const buffer: ArrayBufferLike = Reflect.get(TypedArrayPrototype, 'buffer', value);
  if (!types.isSharedArrayBuffer(buffer)) return value;
  return new Uint8Array(buffer, Reflect.get(TypedArrayPrototype, 'byteOffset', value), byteLengthOf(value));
}

/** The bytes of a value, at the length that it has now; undefined for anything but a Uint8Array that has its memory. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  return types.isUint8Array(value) && !isDetached(value) ? withFixedLength(value) : undefined;
}
