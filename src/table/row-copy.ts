import { fence, loadAfter } from '../memory/index.js';
import type { HeapFields } from './hot/long-fields.js';
import { FIELD_LENGTH } from './layout/heap.js';
import {
  isLong,
  isVariable,
  type LongColumn,
  lengthAt,
  ROW_EPOCH,
  ROW_EXPIRES_AT,
  ROW_HASH,
  ROW_KEY_LENGTH,
  ROW_REVISION,
  setLengthAt,
  type VariableColumn,
} from './layout/row.js';
import { memoryFor, type RowMemory } from './layout/row-memory.js';
import type { TableMemory } from './layout/table-memory.js';
import type { WordIndex } from './layout/units.js';
import type { LongValues } from './long-values.js';
import type { RowCodec } from './row-codec.js';
import type { RowSource } from './row-source.js';
import type { TableCode } from './table-code.js';
import type { Columns } from './types.js';

/** First word of the row that is the copy. */
export const COPY = 0 as WordIndex;
/** Bytes copied before checking again whether to continue. */
const PIECE_BYTES = 65_536;

/**
 * A copy of one row in the reader's own memory, where no writer can change it while it is decoded. The row must stay
 * unchanged only while its bytes are copied, which takes a fraction of the time of decoding.
 *
 * A linked row changes only in its numbers (`increment`, `expire`: value, then epoch, then revision), so these are
 * copied separately, in nanoseconds, and the rest afterwards, under the row's sequence. If the whole row had to be
 * copied between two increments, a long row that is incremented continuously could not be read.
 *
 * The numbers are valid when revision and epoch are the same before and after: a reader loads the revision first, a
 * writer stores it last. Then every change up to that revision had been stored before the first number was loaded. Of
 * the changes after it only the next one can have begun, since the writers of a bucket follow each other and a revision
 * is stored before the lock is released; and that one changes one number. So the copy is the state of that revision, or
 * the next state under that revision ("one step ahead"), and never has the later of two changes without the earlier. It
 * makes no difference whether the writer is stopped between value and revision, or dies there: recovery stores the same
 * value again, still under the lock.
 *
 * The numbers are compared once more after they were copied, since the step ahead may fall between the two halves of
 * one number. It is stored once while the revision stands: a number that is equal twice was not torn by it. Between copy
 * and comparison there is a fence, or both could have read one half before the step and the other one after it.
 */
export class RowCopy<C extends Columns = Columns> implements RowSource<C> {
  readonly memory: RowMemory;
  readonly codec: RowCodec<C>;
  readonly #table: TableMemory;
  readonly #words: Int32Array;
  readonly #numbers: Buffer;
  readonly #keyWord: number;
  readonly #keyBytes: number;
  readonly #variable: readonly VariableColumn[];
  readonly #long: readonly LongColumn[];
  /** The long values of the copy, and the table's fields that they are taken from. */
  readonly #values: LongValues | undefined;
  readonly #fields: HeapFields | undefined;

  constructor(code: TableCode<C>) {
    const table = code.context.memory;
    const { row, schema } = table.layout;
    this.memory = memoryFor(row.rowBytes);
    const { codec, long } = code.compileCodec(this.memory);
    this.codec = codec;
    this.#values = long;
    this.#fields = code.fields;
    this.#long = row.columns.filter(isLong);
    this.#table = table;
    this.#words = this.memory.words;
    this.#numbers = this.memory.bytes.subarray((COPY + ROW_HASH) * 4, row.keyOffset);
    this.#keyWord = row.keyOffset / 4;
    this.#keyBytes = schema.maxKeyBytes;
    this.#variable = row.columns.filter(isVariable);
  }

  get hash(): number {
    return this.#words[COPY + ROW_HASH];
  }

  readonly keyAt = (row: WordIndex): string =>
    this.codec.readText((row + this.#keyWord) * 4, this.#words[row + ROW_KEY_LENGTH]);

  readonly revisionAt = (row: WordIndex): number =>
    this.#table.revision(this.#words[row + ROW_EPOCH], this.#words[row + ROW_REVISION]);

  readonly expiresAt = (row: WordIndex): number => this.memory.doubles[(row + ROW_EXPIRES_AT) >>> 1];

  /** Copies the header and the numbers of the row at word `at`; false when one of them changed meanwhile. */
  takeNumbers(at: WordIndex): boolean {
    const { words } = this.#table;
    const low = Atomics.load(words, at + ROW_REVISION);
    const epoch = words[at + ROW_EPOCH];
    const numbers = this.#table.bytes.subarray((at + ROW_HASH) * 4, at * 4 + this.#keyWord * 4);
    this.#numbers.set(numbers);
    fence();
    if (!numbers.equals(this.#numbers)) return false;
    this.#words[COPY + ROW_REVISION] = low;
    this.#words[COPY + ROW_EPOCH] = epoch;
    return loadAfter(words, at + ROW_EPOCH) === epoch && Atomics.load(words, at + ROW_REVISION) === low;
  }

  /**
   * Copies key, strings, bytes and long values of the row whose numbers were taken. False when a length is invalid, and
   * as soon as `shouldContinue` returns false: the sooner after a commit the next attempt begins, the longer the row
   * that it finds will stay.
   */
  takeRest(at: WordIndex, shouldContinue: () => boolean): boolean {
    const keyBytes = this.#words[COPY + ROW_KEY_LENGTH];
    if (keyBytes < 1 || keyBytes > this.#keyBytes) return false;
    this.#copy(at * 4, this.#keyWord * 4, keyBytes);
    for (const column of this.#variable) {
      const length = lengthAt(this.#table, at, column);
      if (length < 0 || length > column.maxBytes) return false;
      setLengthAt(this.memory, COPY, column, length);
      const start = column.offset + column.field.lengthBytes;
      for (let done = 0; done < length; done += PIECE_BYTES) {
        if (done > 0 && !shouldContinue()) return false;
        this.#copy(at * 4, start + done, Math.min(length - done, PIECE_BYTES));
      }
    }
    return this.#takeLong(at, shouldContinue);
  }

  #takeLong(at: WordIndex, shouldContinue: () => boolean): boolean {
    for (const { offset, longIndex } of this.#long) {
      const field = at + offset / 4;
      const lengthWord = this.#table.words[field + FIELD_LENGTH];
      const bytes = this.#fields?.copyOf(field, longIndex, shouldContinue);
      if (bytes === undefined) return false;
      this.#values?.take(COPY + offset / 4, longIndex, bytes, lengthWord);
    }
    return true;
  }

  /** Without `Buffer.copy`, which takes offsets modulo 4 GiB (Node 22 and 24). */
  #copy(row: number, offset: number, length: number): void {
    this.memory.bytes.set(this.#table.bytes.subarray(row + offset, row + offset + length), COPY * 4 + offset);
  }
}
