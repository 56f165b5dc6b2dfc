/** A word that never changes. */
const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread for these milliseconds. */
export function sleep(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
