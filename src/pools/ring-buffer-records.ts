import { ShmTableError } from '../errors.js';
import { fence } from '../memory/index.js';
import { wordsOf } from './pool-memory.js';
import * as layout from './ring-buffer-layout.js';

/**
 * The records of a ring by position: their headers, and where the next one begins. Independent of locks and owners; the
 * layout says who may call which method, and when.
 */
export class RingRecords {
  /** Length of the area of the records. */
  readonly units: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #longs: BigInt64Array;
  /** First unit of the ring. */
  readonly #header: number;
  /** First unit of the records. */
  readonly #area: number;

  constructor(buffer: ArrayBuffer, offset: number, units: number) {
    this.units = units;
    this.#words = wordsOf(buffer);
    this.#doubles = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / layout.UNIT_BYTES));
    this.#longs = new BigInt64Array(buffer, 0, this.#doubles.length);
    this.#header = offset / layout.UNIT_BYTES;
    this.#area = (offset + layout.HEADER_BYTES) / layout.UNIT_BYTES;
  }

  /** Position after the newest record. */
  get head(): number {
    return Number(Atomics.load(this.#longs, this.#header + layout.HEADER_HEAD));
  }

  /** Position of the oldest record, loaded after all that was read before: what precedes it was intact until then. */
  get tail(): number {
    fence();
    return Number(Atomics.load(this.#longs, this.#header + layout.HEADER_TAIL));
  }

  moveHead(position: number): void {
    Atomics.store(this.#longs, this.#header + layout.HEADER_HEAD, BigInt(position));
  }

  moveTail(position: number): void {
    Atomics.store(this.#longs, this.#header + layout.HEADER_TAIL, BigInt(position));
  }

  /** Takes the sequence number of the next record; a handle that dies before it writes the record leaves a gap. */
  takeSequence(): number {
    return this.#doubles[this.#header + layout.HEADER_SEQUENCE]++;
  }

  /** Units from `position` to the end of the area. */
  unitsToEnd(position: number): number {
    return this.units - this.#place(position);
  }

  /**
   * Writes the header of a record at the head, which is not read before the head moves. The place may have been that of
   * a record that the tail has just passed: it is written only after the tail has visibly moved.
   */
  write(position: number, sequence: number, state: number, bytes: number): void {
    fence();
    const at = this.#at(position);
    this.#doubles[at + layout.RECORD_POSITION] = position;
    this.#doubles[at + layout.RECORD_SEQUENCE] = sequence;
    this.#words[2 * at + layout.RECORD_BYTES] = bytes;
    Atomics.store(this.#words, 2 * at + layout.RECORD_STATE, state);
  }

  stateAt(position: number): number {
    return Atomics.load(this.#words, 2 * this.#at(position) + layout.RECORD_STATE);
  }

  /** Changes the state if it is `from`; returns the previous state. */
  changeState(position: number, from: number, to: number): number {
    return Atomics.compareExchange(this.#words, 2 * this.#at(position) + layout.RECORD_STATE, from, to);
  }

  sequenceAt(position: number): number {
    return this.#doubles[this.#at(position) + layout.RECORD_SEQUENCE];
  }

  bytesAt(position: number): number {
    return this.#words[2 * this.#at(position) + layout.RECORD_BYTES];
  }

  /** Position after a record with this payload. */
  behind(position: number, bytes: number): number {
    const toEnd = this.unitsToEnd(position);
    const length = layout.unitsFor(bytes);
    if (bytes < 0 || length > toEnd) {
      throw new ShmTableError(
        'ERR_POOL_FOREIGN',
        `the RingBuffer is damaged: its record at position ${position} has ${bytes} bytes, ${toEnd} units before the end`,
      );
    }
    return position + (toEnd - length < layout.RECORD_UNITS ? toEnd : length);
  }

  /** Offset of a record's payload in the segment, in bytes. */
  offsetOf(position: number): number {
    return (this.#at(position) + layout.RECORD_UNITS) * layout.UNIT_BYTES;
  }

  /**
   * Position of the record whose payload begins at `offset`; it may already be reclaimed. -1 when there never was one,
   * or it has been overwritten. A header is recognised by its own position, which nothing else contains unless it was
   * copied.
   */
  positionOf(offset: number): number {
    const place = offset / layout.UNIT_BYTES - layout.RECORD_UNITS - this.#area;
    if (!Number.isInteger(place) || place < 0 || place > this.units - layout.RECORD_UNITS) return -1;
    const position = this.#doubles[this.#area + place + layout.RECORD_POSITION];
    const isPosition = Number.isInteger(position) && position >= 0 && position < this.head;
    return isPosition && this.#place(position) === place && this.sequenceAt(position) >= 1 ? position : -1;
  }

  #at(position: number): number {
    return this.#area + this.#place(position);
  }

  /** `position % units`, which takes 8 ns for numbers above 2^31, in 1 ns. Exact up to 2^53. */
  #place(position: number): number {
    return position - Math.floor(position / this.units) * this.units;
  }
}
