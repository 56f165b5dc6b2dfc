import { Segment } from '../../../src/pools/index.js';
import { OPERATIONS, type OperationName, type RowOperation } from './row-model.js';

/*
 * The history of one process in shared memory, so that it survives the process: 8 numbers per operation.
 *
 *   0 key   1 operation   2 value   3 expected   4 call   5 return   6 result   7 state: 1 called, 2 returned
 *
 * Times are CLOCK_MONOTONIC in nanoseconds: the same clock in every process.
 */
const NUMBERS = 8;
/** Two words before the operations: the process is ready, and it may begin. */
const [READY, START] = [0, 1];
const FIRST = NUMBERS;
const [CALLED, RETURNED] = [1, 2];
/** Results that are not numbers. */
const [NO_ROW, FALSE, TRUE] = [-1e15, -2e15, -3e15];

export class HistoryLog {
  readonly capacity: number;
  readonly #segment: Segment;
  readonly #numbers: Float64Array;
  #at = FIRST;

  private constructor(segment: Segment) {
    this.#segment = segment;
    this.#numbers = new Float64Array(segment.buffer);
    this.capacity = this.#numbers.length / NUMBERS - 1;
  }

  static create(name: string, operations: number): HistoryLog {
    return new HistoryLog(Segment.create({ name, size: (operations + 1) * NUMBERS * 8 }));
  }

  static open(name: string): HistoryLog {
    return new HistoryLog(Segment.open({ name }));
  }

  destroy(): void {
    this.#segment.unlink();
    this.#segment.close();
  }

  /** Reports that the process is ready, and waits until all of them begin together. */
  awaitStart(): void {
    this.#numbers[READY] = 1;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#numbers[START] === 0) Atomics.wait(pause, 0, 0, 1);
  }

  get isReady(): boolean {
    return this.#numbers[READY] === 1;
  }

  start(): void {
    this.#numbers[START] = 1;
  }

  get isFull(): boolean {
    return this.#at === this.#numbers.length;
  }

  /** The number of operations that any process has begun to record. */
  get recorded(): number {
    let low = 0;
    let high = this.capacity;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numbers[FIRST + middle * NUMBERS + 7] === 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Runs and records one operation. */
  record(
    key: number,
    name: OperationName,
    value: number,
    expected: number,
    run: () => number | boolean | undefined,
  ): void {
    const numbers = this.#numbers;
    const at = this.#at;
    numbers[at] = key;
    numbers[at + 1] = OPERATIONS.indexOf(name);
    numbers[at + 2] = value;
    numbers[at + 3] = expected;
    numbers[at + 4] = now();
    numbers[at + 7] = CALLED;
    const result = run();
    numbers[at + 5] = now();
    numbers[at + 6] = encodeResult(result);
    numbers[at + 7] = RETURNED;
    this.#at += NUMBERS;
  }

  /** Adds what was recorded to the histories, by key. */
  read(histories: RowOperation[][]): void {
    const numbers = this.#numbers;
    for (let at = FIRST; at < numbers.length && numbers[at + 7] !== 0; at += NUMBERS) {
      const returned = numbers[at + 7] === RETURNED;
      histories[numbers[at]].push({
        name: OPERATIONS[numbers[at + 1]],
        value: numbers[at + 2],
        expected: numbers[at + 3],
        call: numbers[at + 4],
        return: returned ? numbers[at + 5] : Number.POSITIVE_INFINITY,
        result: returned ? decodeResult(numbers[at + 6]) : undefined,
      });
    }
  }
}

function now(): number {
  return Number(process.hrtime.bigint());
}

function encodeResult(result: number | boolean | undefined): number {
  if (typeof result === 'number') return result;
  if (result === undefined) return NO_ROW;
  return result ? TRUE : FALSE;
}

function decodeResult(result: number): number | boolean | undefined {
  if (result === NO_ROW) return undefined;
  if (result === TRUE || result === FALSE) return result === TRUE;
  return result;
}
