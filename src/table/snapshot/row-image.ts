import { fence } from '../../memory/index.js';
import type { LongBytes } from '../hot/long-fields.js';
import {
  isLong,
  isVariable,
  type LongColumn,
  lengthAt,
  ROW_KEY_LENGTH,
  setLengthAt,
  type VariableColumn,
} from '../layout/row.js';
import type { RowMemory } from '../layout/row-memory.js';
import type { SegmentLayout } from '../layout/segment.js';
import type { WordIndex } from '../layout/units.js';
import { MAX_ROW_BYTES } from './format.js';

/**
 * A row as a snapshot stores it, independent of the table's size and of the row's position:
 *
 *   f64 expiry (epoch milliseconds of the wall clock, 0 none) | u32 key bytes | u32 bytes of numbers
 *   numbers, as they are in the row | key | for each string and bytes column, then for each long one: u32 length, then
 *   its bytes
 */
const HEAD_BYTES = 16;
const NUMBERS_AT = 32;

export class RowImage {
  readonly #memory: RowMemory;
  readonly #keyOffset: number;
  readonly #maxKeyBytes: number;
  readonly #numberBytes: number;
  readonly #variable: readonly VariableColumn[];
  readonly #long: readonly LongColumn[];
  readonly #values: LongBytes | undefined;

  /** Images of the rows of tables with this layout, in this memory. `long` reads and writes their long values. */
  constructor({ row, schema }: Pick<SegmentLayout, 'row' | 'schema'>, memory: RowMemory, long: LongBytes | undefined) {
    const { columns } = row;
    this.#memory = memory;
    this.#keyOffset = row.keyOffset;
    this.#maxKeyBytes = schema.maxKeyBytes;
    this.#numberBytes = columns
      .filter(({ field }) => field.form === 'number')
      .reduce((sum, { maxBytes }) => sum + maxBytes, 0);
    this.#variable = columns.filter(isVariable);
    this.#long = columns.filter(isLong);
    this.#values = long;
  }

  /** Copies the row at this word. Undefined when a length is invalid: the row is torn, or damaged. */
  pack(at: WordIndex, expiry: number): Buffer | undefined {
    const { bytes, words } = this.#memory;
    const keyBytes = words[at + ROW_KEY_LENGTH];
    if (keyBytes < 1 || keyBytes > this.#maxKeyBytes) return undefined;
    let size = HEAD_BYTES + this.#numberBytes + keyBytes;
    for (const column of this.#variable) {
      const length = lengthAt(this.#memory, at, column);
      if (length < 0 || length > column.maxBytes) return undefined;
      size += 4 + length;
    }
    const values: Uint8Array[] = [];
    for (const { offset, longIndex } of this.#long) {
      const value = this.#values?.copyOf(at + offset / 4, longIndex);
      if (value === undefined) return undefined;
      values.push(value);
      size += 4 + value.length;
    }
    if (size > MAX_ROW_BYTES) return undefined;
    const image = Buffer.allocUnsafe(size);
    image.writeDoubleLE(expiry, 0);
    image.writeUInt32LE(keyBytes, 8);
    image.writeUInt32LE(this.#numberBytes, 12);
    let to = this.#copyNumbers(at, image);
    to = copy(bytes, at * 4 + this.#keyOffset, keyBytes, image, to);
    for (const column of this.#variable) {
      // Loaded again: in a torn row the length may have changed, so it is limited to the space in the image.
      const length = Math.min(lengthAt(this.#memory, at, column), size - to - 4);
      if (length < 0) return undefined;
      const from = at * 4 + column.offset + column.field.lengthBytes;
      image.writeUInt32LE(length, to);
      to = copy(bytes, from, length, image, to + 4);
    }
    for (const value of values) {
      if (to + 4 + value.length > size) return undefined;
      image.writeUInt32LE(value.length, to);
      to = copy(value, 0, value.length, image, to + 4);
    }
    return to === size ? image : undefined;
  }

  /**
   * The copy may be made in pieces of any width, and an increment may store a number between two of them. It stores
   * only once before the bucket's version advances, so a number that was torn is intact in a second copy. The fences
   * keep the second look behind the first: the two must not mix.
   */
  #copyNumbers(at: WordIndex, image: Buffer): number {
    const start = at * 4 + NUMBERS_AT;
    const end = copy(this.#memory.bytes, start, this.#numberBytes, image, HEAD_BYTES);
    const numbers = this.#memory.bytes.subarray(start, start + this.#numberBytes);
    fence();
    if (image.subarray(HEAD_BYTES, end).equals(numbers)) return end;
    fence();
    return copy(this.#memory.bytes, start, this.#numberBytes, image, HEAD_BYTES);
  }

  /** Key and expiry of the image at `offset`, and where the next one begins; undefined when it exceeds the block. */
  inspect(block: Buffer, offset: number): { key: string; expiry: number; end: number } | undefined {
    if (offset + HEAD_BYTES > block.length) return undefined;
    const expiry = block.readDoubleLE(offset);
    const keyBytes = block.readUInt32LE(offset + 8);
    const keyAt = offset + HEAD_BYTES + this.#numberBytes;
    if (block.readUInt32LE(offset + 12) !== this.#numberBytes || keyBytes < 1 || keyAt + keyBytes > block.length)
      return undefined;
    let end = keyAt + keyBytes;
    for (const { maxBytes } of [...this.#variable, ...this.#long]) {
      if (end + 4 > block.length) return undefined;
      const length = block.readUInt32LE(end);
      end += 4 + length;
      if (length > maxBytes || end > block.length) return undefined;
    }
    return { key: block.toString('utf8', keyAt, keyAt + keyBytes), expiry, end };
  }

  /** Writes the columns of the image at `offset`, which was inspected before, to the row at this word. */
  unpack(block: Buffer, offset: number, at: WordIndex): void {
    const { bytes } = this.#memory;
    copy(block, offset + HEAD_BYTES, this.#numberBytes, bytes, at * 4 + NUMBERS_AT);
    let from = offset + HEAD_BYTES + this.#numberBytes + block.readUInt32LE(offset + 8);
    for (const column of this.#variable) {
      const length = block.readUInt32LE(from);
      setLengthAt(this.#memory, at, column, length);
      copy(block, from + 4, length, bytes, at * 4 + column.offset + column.field.lengthBytes);
      from += 4 + length;
    }
    for (const { offset, longIndex } of this.#long) {
      const length = block.readUInt32LE(from);
      this.#values?.writeCopy(at + offset / 4, longIndex, block.subarray(from + 4, from + 4 + length));
      from += 4 + length;
    }
  }
}

/**
 * Returns the offset after what was written. Without `Buffer.copy`, which takes offsets modulo 4 GiB (Node 22 and 24).
 */
function copy(source: Uint8Array, from: number, length: number, target: Uint8Array, to: number): number {
  target.set(source.subarray(from, from + length), to);
  return to + length;
}
