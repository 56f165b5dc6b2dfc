import { Segment } from '../../../src/pools/index.js';

/** The numbers that are recorded for each process of the storm, outside it so that they survive it. */
const FIELDS = [
  'started',
  'finished',
  'operations',
  'slowestMs',
  'torn',
  'stops',
  'ready',
  'alterations',
  'refused',
] as const;
type Field = (typeof FIELDS)[number];

const STOP_WORD = 0;
const FIRST = 8;
const WRITER_NUMBERS = FIELDS.length;
const MAX_WRITERS = 8_192;

/** The storm's log in shared memory: a line for each writer that ever ran. */
export class StormLog {
  readonly #segment: Segment;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  private constructor(segment: Segment) {
    this.#segment = segment;
    this.#words = new Int32Array(segment.buffer);
    this.#numbers = new Float64Array(segment.buffer);
  }

  static create(name: string): StormLog {
    return new StormLog(Segment.create({ name, size: (FIRST + MAX_WRITERS * WRITER_NUMBERS) * 8 }));
  }

  static open(name: string): StormLog {
    return new StormLog(Segment.open({ name }));
  }

  destroy(): void {
    this.#segment.unlink();
    this.#segment.close();
  }

  stopAll(): void {
    Atomics.store(this.#words, STOP_WORD, 1);
  }

  get mustStop(): boolean {
    return Atomics.load(this.#words, STOP_WORD) === 1;
  }

  get(writer: number, field: Field): number {
    return this.#numbers[this.#at(writer, field)];
  }

  set(writer: number, field: Field, value: number): void {
    this.#numbers[this.#at(writer, field)] = value;
  }

  add(writer: number, field: Field): void {
    this.#numbers[this.#at(writer, field)]++;
  }

  /** Sum over the first `writers` lines. */
  sum(field: Field, writers: number): number {
    let sum = 0;
    for (let writer = 0; writer < writers; writer++) sum += this.get(writer, field);
    return sum;
  }

  max(field: Field, writers: number): number {
    let max = 0;
    for (let writer = 0; writer < writers; writer++) max = Math.max(max, this.get(writer, field));
    return max;
  }

  #at(writer: number, field: Field): number {
    return FIRST + writer * WRITER_NUMBERS + FIELDS.indexOf(field);
  }
}
