/** The views of memory that rows are read and written through. */
export interface RowMemory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Buffer;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
}
