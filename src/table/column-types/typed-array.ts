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
 * The bytes of a value at the length that it has now, as an array without methods of the caller's; undefined for anything
 * but a Uint8Array that has its memory. With a fixed length, because another thread can grow a SharedArrayBuffer, and with
 * it an array that tracks its length, between the check of the length and the copying.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (!types.isUint8Array(value) || isDetached(value)) return undefined;
  const buffer: ArrayBufferLike = Reflect.get(TypedArrayPrototype, 'buffer', value);
  return new Uint8Array(buffer, Reflect.get(TypedArrayPrototype, 'byteOffset', value), byteLengthOf(value));
}
