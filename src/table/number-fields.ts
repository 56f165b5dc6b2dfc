import type { NumberFields } from './hot/add-to-column.js';
import type { PlacedColumn } from './layout/row.js';
import type { RowMemory } from './layout/row-memory.js';

/** A piece of memory as numbers of each kind, under the names in `ViewName`. */
export function numberViews(memory: RowMemory) {
  return {
    u8: memory.bytes,
    i8: new Int8Array(memory.buffer),
    u16: memory.halves,
    i16: new Int16Array(memory.buffer),
    i32: memory.words,
    u32: new Uint32Array(memory.buffer),
    i64: memory.longs,
    f32: new Float32Array(memory.buffer),
    f64: memory.doubles,
  };
}

export type NumberViews = ReturnType<typeof numberViews>;

/** Where the numbers of a column are in these views; undefined for a column that cannot be added to. */
export function numberFields({ field }: PlacedColumn, views: NumberViews): NumberFields | undefined {
  if (field.form !== 'number' || field.addition === undefined) return undefined;
  const { arithmetic, store } = field.addition;
  return {
    arithmetic,
    view: views[field.view],
    shift: Math.log2(field.bytes),
    width: store,
  } as NumberFields;
}
