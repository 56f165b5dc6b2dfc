/** The views of memory through which rows are read and written. */
export interface RowMemory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Buffer;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
}

/** Memory that is not shared, for one row or its copy. */
export function memoryFor(bytes: number): RowMemory {
  const buffer = new ArrayBuffer(bytes);
  return {
    buffer,
    bytes: Buffer.from(buffer),
    halves: new Uint16Array(buffer),
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
    longs: new BigInt64Array(buffer),
  };
}
