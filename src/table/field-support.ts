import { MAX_STRING_BYTES } from './column-types/string.js';
import { bytesOf } from './column-types/typed-array.js';
import type { FieldSupport } from './hot/variable-columns.js';
import type { RowMemory } from './layout/row-memory.js';

/** `Buffer.write` aborts the process if more than 4 GiB of the Buffer follow the offset (Node 22 and 24). */
const WINDOW_BYTES = 2 ** 31;

/** What the columns of variable length in one piece of memory need from the runtime. */
export function fieldSupport(memory: RowMemory): FieldSupport {
  const { byteLength } = memory.buffer;
  // The same memory in windows, each of which includes the beginning of the next one.
  const windows = Array.from({ length: Math.ceil(byteLength / WINDOW_BYTES) }, (_, window) => {
    const start = window * WINDOW_BYTES;
    return Buffer.from(memory.buffer, start, Math.min(WINDOW_BYTES + MAX_STRING_BYTES + 1, byteLength - start));
  });
  return {
    memory,
    octets: new Uint8Array(memory.buffer),
    writeEncoded: (start, value, bytes, encoding) => {
      if (bytes > MAX_STRING_BYTES) {
        // The value may reach beyond its window.
        Buffer.from(memory.buffer, start, bytes).write(value, 0, bytes, encoding);
        return;
      }
      const window = Math.floor(start / WINDOW_BYTES);
      windows[window].write(value, start - window * WINDOW_BYTES, bytes, encoding);
    },
    bytesOf,
  };
}
