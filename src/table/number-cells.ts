import type { NumberCells } from './hot/add-to-column.js';
import type { PlacedColumn } from './layout/row.js';
import type { RowMemory } from './layout/row-memory.js';
import { STORE_BYTE, STORE_DOUBLE, STORE_HALF, STORE_LONG, STORE_WORD } from './layout/slot.js';

/** Where the numbers of a column lie in a piece of memory; undefined for a column that holds none to add to. */
export function numberCells({ kind }: PlacedColumn, memory: RowMemory): NumberCells | undefined {
  const { buffer } = memory;
  switch (kind) {
    case 'int8':
      return { arithmetic: 'integer', view: new Int8Array(buffer), shift: 0, width: STORE_BYTE };
    case 'uint8':
      return { arithmetic: 'integer', view: memory.bytes, shift: 0, width: STORE_BYTE };
    case 'int16':
      return { arithmetic: 'integer', view: new Int16Array(buffer), shift: 1, width: STORE_HALF };
    case 'uint16':
      return { arithmetic: 'integer', view: memory.halves, shift: 1, width: STORE_HALF };
    case 'int32':
      return { arithmetic: 'integer', view: memory.words, shift: 2, width: STORE_WORD };
    case 'uint32':
      return { arithmetic: 'integer', view: new Uint32Array(buffer), shift: 2, width: STORE_WORD };
    case 'int64':
      return { arithmetic: 'bigint', view: memory.longs, shift: 3, width: STORE_LONG };
    case 'float32':
      return { arithmetic: 'float', view: new Float32Array(buffer), shift: 2, width: STORE_WORD };
    case 'float64':
      return { arithmetic: 'float', view: memory.doubles, shift: 3, width: STORE_DOUBLE };
    case 'boolean':
    case 'string':
    case 'bytes':
      return undefined;
  }
}
