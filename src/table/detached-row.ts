import { fieldSupport } from './field-support.js';
import { makeTextFields } from './hot/variable-columns.js';
import { layOutRow, type PlacedColumn } from './layout/row.js';
import { memoryFor } from './layout/row-memory.js';
import { longRuntime } from './long-support.js';
import { LongValues } from './long-values.js';
import { numberViews } from './number-fields.js';
import { compileRowCodec } from './row-codec.js';
import { parseColumns } from './schema.js';
import { ScratchRow } from './scratch-row.js';
import { specialize } from './specialize.js';
import { runtime } from './table-context.js';
import type { Columns } from './types.js';

/** Columns without a table: what checks and converts the values of rows that are stored elsewhere. */
interface DetachedRow<C extends Columns> {
  readonly columns: readonly PlacedColumn[];
  readonly draft: ScratchRow<C>;
}

/** Parses a schema. `ERR_SCHEMA_INVALID`. */
export function detachedRow<C extends Columns>(columns: C): DetachedRow<C> {
  const layout = layOutRow(parseColumns(columns), 0);
  const compile = () => {
    const memory = memoryFor(layout.rowBytes);
    const text = specialize('variable-columns.js', makeTextFields, { runtime }, fieldSupport(memory));
    const long = new LongValues(memory, longRuntime(layout), text.damage);
    return compileRowCodec<C>(layout, numberViews(memory), text, long);
  };
  return { columns: layout.columns, draft: new ScratchRow<C>(layout, compile) };
}
