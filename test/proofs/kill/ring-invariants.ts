import type { Segment } from '../../../src/pools/index.js';
import * as layout from '../../../src/pools/ring-buffer-layout.js';

/** The violations of the layout's invariants in a ring at the beginning of a segment, while no process writes. */
export function* ringProblems(segment: Segment): Generator<string> {
  const words = new Int32Array(segment.buffer);
  const doubles = new Float64Array(segment.buffer);
  const longs = new BigInt64Array(segment.buffer);
  const units = doubles[layout.HEADER_UNITS];
  const [head, tail] = [Number(longs[layout.HEADER_HEAD]), Number(longs[layout.HEADER_TAIL])];
  const area = layout.HEADER_BYTES / layout.UNIT_BYTES;
  if (words[layout.HEADER_LOCK] !== 0) yield `the lock is ${words[layout.HEADER_LOCK]}`;
  if (tail > head || head > tail + units) yield `tail ${tail}, head ${head}, ${units} units`;
  let sequence = 0;
  let position = tail;
  while (position < head) {
    const at = area + (position % units);
    const [state, bytes] = [words[2 * at + layout.RECORD_STATE], words[2 * at + layout.RECORD_BYTES]];
    const own = doubles[at + layout.RECORD_SEQUENCE];
    if (doubles[at] !== position) {
      yield `the record at ${position} says that it is at ${doubles[at]}`;
      return;
    }
    const toEnd = units - (position % units);
    const length = layout.unitsFor(bytes);
    if (bytes < 0 || length > toEnd) {
      yield `the record at ${position} has ${bytes} bytes`;
      return;
    }
    if (state < layout.COMMITTED || state > layout.MAX_OWNERS) yield `the record at ${position} has state ${state}`;
    if (own === layout.NO_SEQUENCE) {
      if (state !== layout.FREE || length !== toEnd) yield `the filler at ${position} is invalid`;
    } else if (own <= sequence) yield `sequence ${own} after ${sequence}`;
    else sequence = own;
    position += toEnd - length < layout.RECORD_UNITS ? toEnd : length;
  }
  if (position !== head) yield `the last record ends at ${position}, the head is at ${head}`;
  if (sequence >= doubles[layout.HEADER_SEQUENCE]) yield `sequence ${sequence} will be used again`;
}
