import type { RowLayout } from './layout/row.js';
import type { WordIndex } from './layout/units.js';
import type { RowCodec } from './row-codec.js';
import type { Columns, Row, RowInput } from './types.js';

/** The row's first word. */
const ROW = 0 as WordIndex;

/** One row in memory of this thread, in which values are checked and converted to what their columns would return. */
export class ScratchRow<C extends Columns> {
  readonly #layout: RowLayout;
  readonly #compile: () => RowCodec<C>;
  #codec: RowCodec<C> | undefined;

  /** `compile` creates the codec for the memory of one row of this layout, when the first row is written. */
  constructor(layout: RowLayout, compile: () => RowCodec<C>) {
    this.#layout = layout;
    this.#compile = compile;
  }

  /**
   * The named values as a row would return them: float32 rounded, int64 a bigint, bytes copied. Throws as `set` does.
   */
  normalise(input: RowInput<C>): Map<string, unknown> {
    const codec = this.#compiled();
    codec.write(input, () => ROW);
    return this.#named(codec);
  }

  /** The named values in their stored form: as `normalise`, but a `json` value as its text. Throws as `set` does. */
  stored(input: RowInput<C>): Map<string, unknown> {
    const codec = this.#compiled();
    codec.write(input, () => ROW);
    return this.#named(codec, codec.stored.readers);
  }

  /** The values that were written last. */
  #named(codec: RowCodec<C>, readers = codec.readers): Map<string, unknown> {
    const named = this.#layout.columns.filter(({ index }) => (codec.named[index >> 5] & (1 << (index & 31))) !== 0);
    return new Map(named.map(({ name }) => [name, readers[name]?.(ROW)]));
  }

  /** The caller's input, read once and checked, as a plain object of the named values. Throws as `set` does. */
  copy(input: RowInput<C>): RowInput<C> {
    const codec = this.#compiled();
    const { columns } = this.#layout;
    const isWhole = codec.write(input, () => ROW) === columns.length && !columns.some(({ isHidden }) => isHidden);
    const copy: RowInput<C> & Record<string, unknown> = {};
    // The values that a row returns can be written to it.
    if (isWhole) return codec.read(ROW) as typeof copy;
    const values: Record<string, unknown> = copy;
    for (const { name, index } of this.#layout.columns) {
      if ((codec.named[index >> 5] & (1 << (index & 31))) !== 0) values[name] = codec.readers[name]?.(ROW);
    }
    return copy;
  }

  /** A row with these values; the others are as in `before`, or zero. */
  merge(before: Row<C> | undefined, input: RowInput<C>): Row<C> {
    const codec = this.#compiled();
    codec.write(input, () => ROW);
    codec.complete(ROW, 0);
    const after = codec.read(ROW);
    if (before === undefined) return after;
    const named = this.normalise(input);
    const row: Record<string, unknown> = after;
    for (const { name } of this.#layout.columns) if (!named.has(name)) row[name] = before[name];
    return after;
  }

  #compiled(): RowCodec<C> {
    this.#codec ??= this.#compile();
    return this.#codec;
  }
}
