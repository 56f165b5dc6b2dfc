import { ShmTableError } from '../errors.js';
import { fieldSupport } from './field-support.js';
import { type Accumulator, makeAccumulator } from './hot/add-to-column.js';
import { type Key, makeKey } from './hot/encode-key.js';
import { type Chain, makeChain } from './hot/find.js';
import { type Heap, makeHeap } from './hot/heap.js';
import { type ChainReader, makeChainReader } from './hot/iterate.js';
import { type Locking, type LockingSupport, makeLocking } from './hot/lock.js';
import { type HeapFields, makeLongFields } from './hot/long-fields.js';
import { type Lookup, type LookupParts, makeLookup } from './hot/lookup.js';
import { type ItemReaders, makeItemReaders } from './hot/read-items.js';
import { makeRedo, type Redo } from './hot/redo.js';
import { makeRemoval } from './hot/remove.js';
import { type FieldSupport, makeTextFields, type TextFields } from './hot/variable-columns.js';
import { makeWriter, type Writer, type WriterParts } from './hot/write.js';
import { KeyEncoding } from './key.js';
import { isLong, type PlacedColumn } from './layout/row.js';
import type { RowMemory } from './layout/row-memory.js';
import { HASH_KEY } from './layout/segment.js';
import { longRuntime } from './long-support.js';
import { LongValues } from './long-values.js';
import { type NumberViews, numberFields, numberViews } from './number-fields.js';
import { compileRowCodec, type RowCodec } from './row-codec.js';
import type { RowSource } from './row-source.js';
import { specialize } from './specialize.js';
import type { TableContext } from './table-context.js';
import type { Columns } from './types.js';

/**
 * The hot code of one table. Each part is created when it is first needed, so that a program that only reads a few rows
 * does not wait for the code that writes them. The only place where `hot/` is specialised.
 */
export class TableCode<C extends Columns = Columns> {
  readonly context: TableContext;
  #views: NumberViews | undefined;
  #support: FieldSupport | undefined;
  #text: TextFields | undefined;
  #heap: Heap | undefined;
  #fields: HeapFields | undefined;
  #codec: RowCodec<C> | undefined;
  #key: Key | undefined;
  #chain: Chain | undefined;
  #chains: ChainReader | undefined;
  #redo: Redo | undefined;

  constructor(context: TableContext) {
    this.context = context;
  }

  /** Reads and writes rows in the table's memory. */
  get codec(): RowCodec<C> {
    this.#codec ??= this.#compile(this.#tableViews, this.#textOfTable, this.fields);
    return this.#codec;
  }

  get #tableViews(): NumberViews {
    this.#views ??= numberViews(this.context.memory);
    return this.#views;
  }

  get #textOfTable(): TextFields {
    this.#text ??= this.#makeText(this.#tableSupport);
    return this.#text;
  }

  /** Compiles the codec for rows of the table's schema in memory of this thread, for one row at a time. */
  compileCodec(memory: RowMemory): { readonly codec: RowCodec<C>; readonly long: LongValues | undefined } {
    const text = this.#makeText(fieldSupport(memory));
    const { row, heap } = this.context.memory.layout;
    const long = heap === undefined ? undefined : new LongValues(memory, longRuntime(row), text.damage);
    return { codec: this.#compile(numberViews(memory), text, long), long };
  }

  get #tableSupport(): FieldSupport {
    this.#support ??= fieldSupport(this.context.memory);
    return this.#support;
  }

  #makeText(support: FieldSupport): TextFields {
    return specialize('variable-columns.js', makeTextFields, this.context, support);
  }

  #compile(views: NumberViews, text: TextFields, long: RowCodec['long']): RowCodec<C> {
    return compileRowCodec<C>(this.context.memory.layout.row, views, text, long);
  }

  /** Claims and releases blocks; undefined for a table without long columns. */
  get heap(): Heap | undefined {
    const { heapBits, layout } = this.context.memory;
    if (heapBits === undefined || layout.heap === undefined) return undefined;
    this.#heap ??= specialize('heap.js', makeHeap, this.context, {
      bits: heapBits,
      layout: layout.heap,
      fields: layout.row.columns.filter(isLong).map(({ offset }) => offset / 4),
    });
    return this.#heap;
  }

  /** The long fields of the table's rows; undefined for a table without long columns. */
  get fields(): HeapFields | undefined {
    const { heap } = this;
    if (heap === undefined) return undefined;
    this.#fields ??= this.#makeFields(heap);
    return this.#fields;
  }

  #makeFields(heap: Heap): HeapFields {
    const { memory } = this.context;
    const { octets, writeEncoded } = this.#tableSupport;
    const { damage, decode } = this.#textOfTable;
    return specialize('long-fields.js', makeLongFields, this.context, heap, {
      ...longRuntime(memory.layout.row),
      octets,
      writeEncoded,
      damage,
      decode,
    });
  }

  get key(): Key {
    this.#key ??= this.#makeKey();
    return this.#key;
  }

  #makeKey(): Key {
    const { words, layout } = this.context.memory;
    const support = new KeyEncoding(layout.schema.maxKeyBytes, [words[HASH_KEY], words[HASH_KEY + 1]]);
    return specialize('encode-key.js', makeKey, this.context, support);
  }

  /** Looks for the key. */
  get chain(): Chain {
    this.#chain ??= specialize('find.js', makeChain, this.context, this.key);
    return this.#chain;
  }

  /** Reads whole chains. */
  get chains(): ChainReader {
    this.#chains ??= specialize('iterate.js', makeChainReader, this.context, this.codec);
    return this.#chains;
  }

  get redo(): Redo {
    this.#redo ??= specialize('redo.js', makeRedo, this.context);
    return this.#redo;
  }

  locking(support: LockingSupport): Locking {
    return specialize('lock.js', makeLocking, this.context, this.redo, support);
  }

  writer(participant: WriterParts['participant']): Writer {
    const { codec, key, chain, redo, heap, fields } = this;
    const removal = specialize('remove.js', makeRemoval, this.context, { participant, key, chain, redo, heap });
    return specialize('write.js', makeWriter, this.context, {
      participant,
      codec,
      key,
      chain,
      redo,
      removal,
      heap,
      fields,
    });
  }

  lookup<T>(parts: LookupParts<T>): Lookup<T> {
    const { key, chain, codec } = this;
    return specialize('lookup.js', makeLookup<T>, this.context, key, chain, codec.damage, parts);
  }

  itemReaders(source: RowSource<C>): ItemReaders<C> {
    return specialize('read-items.js', makeItemReaders<C>, source.keyAt, source.codec.read);
  }

  /** Adds to a column. `ERR_COLUMN_TYPE` for a column that does not hold numbers. */
  accumulator(column: PlacedColumn): Accumulator {
    const fields = numberFields(column, this.#tableViews);
    if (fields === undefined) {
      throw new ShmTableError('ERR_COLUMN_TYPE', `column ${column.name} is ${column.type} and cannot be added to`);
    }
    return specialize('add-to-column.js', makeAccumulator, this.context, column, fields);
  }
}
