import type { LongBytes, LongFields } from './hot/long-fields.js';
import { ASCII, FIELD_FIRST, FIELD_LENGTH, LENGTH_MASK } from './layout/heap.js';
import type { RowMemory } from './layout/row-memory.js';
import type { LongRuntime } from './long-support.js';

/**
 * The long values of one row in memory of this thread, which has no heap: the fields contain the lengths, an array the
 * values. For rows in which a caller's values are checked, and for a reader's copy of a row.
 */
export class LongValues implements LongFields, LongBytes {
  readonly stringify: LongFields['stringify'];
  readonly #words: Int32Array;
  readonly #runtime: LongRuntime;
  readonly #damage: { found: boolean };
  readonly #values: (string | Uint8Array)[] = [];

  constructor(memory: RowMemory, runtime: LongRuntime, damage: { found: boolean }) {
    this.#words = memory.words;
    this.#runtime = runtime;
    this.#damage = damage;
    this.stringify = runtime.stringify;
  }

  readonly readText = (field: number, index: number): string => {
    const value = this.#valueAt(field, index);
    if (value === undefined) return '';
    if (typeof value === 'string') return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
    return bytes.toString(this.#words[field + FIELD_LENGTH] < 0 ? 'latin1' : 'utf8');
  };

  readonly readBlob = (field: number, index: number): Uint8Array => {
    const value = this.#valueAt(field, index);
    return value instanceof Uint8Array ? new Uint8Array(value) : new Uint8Array(0);
  };

  readonly readJson = (field: number, index: number): unknown => {
    const text = this.readText(field, index);
    if (text === '') return null;
    try {
      return JSON.parse(text);
    } catch {
      this.#damage.found = true;
      return null;
    }
  };

  readonly copyOf = (field: number, index: number): Uint8Array => {
    const value = this.#valueAt(field, index) ?? '';
    return typeof value === 'string' ? Buffer.from(value) : value;
  };

  readonly writeText = (field: number, index: number, value: unknown): boolean => {
    const bytes = this.#runtime.textBytes(value);
    if (bytes < 0 || bytes > this.#runtime.maxBytes[index]) return false;
    this.#put(field, index, value as string, bytes);
    return true;
  };

  readonly writeJson = this.writeText;

  readonly writeBlob = (field: number, index: number, value: unknown): boolean => {
    const given = this.#runtime.bytesOf(value);
    if (given === undefined) return false;
    const length = given.length;
    if (length > this.#runtime.maxBytes[index]) return false;
    this.#put(field, index, new Uint8Array(given), length);
    return true;
  };

  readonly writeCopy = (field: number, index: number, bytes: Uint8Array): boolean => {
    this.#put(field, index, bytes, bytes.length);
    return true;
  };

  /** `writeCopy` of bytes from a field of the table, with that field's length word: its ASCII bit is kept. */
  take(field: number, index: number, bytes: Uint8Array, lengthWord: number): void {
    this.#put(field, index, bytes, bytes.length | (lengthWord & ASCII));
  }

  readonly clear = (field: number): void => {
    this.#words[field + FIELD_LENGTH] = 0;
    this.#words[field + FIELD_FIRST] = 0;
  };

  readonly keep = (from: number, to: number): void => {
    this.#words[to + FIELD_LENGTH] = this.#words[from + FIELD_LENGTH];
  };

  #put(field: number, index: number, value: string | Uint8Array, lengthWord: number): void {
    this.#words[field + FIELD_LENGTH] = lengthWord;
    this.#values[index] = value;
  }

  #valueAt(field: number, index: number): string | Uint8Array | undefined {
    return (this.#words[field + FIELD_LENGTH] & LENGTH_MASK) === 0 ? undefined : this.#values[index];
  }
}
