/**
 * A RingBuffer in memory, counted in units of 8 bytes:
 *
 *   +--------+-----------------------------------------------------------------+
 *   | header | rest of C | free ...  | A (oldest) | B, freed | filler | rest   |
 *   | 128 B  |           |           |            |          |        | < 24 B |
 *   +--------+-----------------------------------------------------------------+
 *            ^ place 0   ^ head      ^ tail                                    ^ place `units`
 *
 *   header  0  magic      u32
 *           8  units      f64   of the records, without this header
 *          64  lock       u32   0 free | id of the owner that moves head or tail | WAITED_FOR
 *          68  pid        u32   of the process that took the lock last, for messages
 *          72  head       i64   position after the newest record
 *          80  tail       i64   position of the oldest record
 *          88  sequence   f64   of the next record
 *          96  turns      u32   how often the lock was taken
 *
 *   record  0  position   f64   its own
 *           8  sequence   f64   from 1; 0: a filler, which no `alloc` returned
 *          16  state      i32   an owner's id: being written | COMMITTED | FREE
 *          20  bytes      i32   of the payload
 *          24  payload    rounded up to units
 *
 * A position counts units since the creation and never goes back: the record at position p is at place p % units. So
 * positions never repeat (2^53 units are 64 PiB of records: two years at 1 GB per second), and a full ring (head = tail
 * + units) differs from an empty one (head = tail).
 *
 * Invariants
 * - tail <= head <= tail + units.
 * - Records follow each other without a gap from tail to head. None crosses the end of the area: the space left there
 *   is a filler, free from the beginning, or, if it is shorter than a record's header, an unmarked rest that all
 *   processes skip. Neither head nor tail is ever in such a rest.
 * - Only the lock's holder writes headers and moves head and tail: head after the header that it passes is complete,
 *   tail after the record that it passes is FREE. Each of these is one store, and the ring is consistent before and
 *   after each, so only the lock of a dead holder must be released.
 * - A state goes from an owner's id to COMMITTED to FREE, or from the id to FREE. Only the owner changes its id; for a
 *   dead owner, the lock's holder does.
 * - A place is overwritten only after the tail has passed it. A process that reads a header and then finds that the
 *   tail has not passed it has read the header of that record, not its remains.
 * - Owner `id` holds the byte lock of byte `offset + id` of the segment: these bytes are in the ring's own range, so
 *   that pools of one segment do not conflict. The locks do not access the bytes.
 */

/** First word of a RingBuffer: "RING". */
export const RING_BUFFER_MAGIC = 0x474e4952;

export const UNIT_BYTES = 8;
export const HEADER_BYTES = 128;

/** Words (4 bytes) of the header. */
export const HEADER_MAGIC = 0;
export const HEADER_LOCK = 16;
export const HEADER_PID = 17;
export const HEADER_TURNS = 24;
/** Units of the header. */
export const HEADER_UNITS = 1;
export const HEADER_HEAD = 9;
export const HEADER_TAIL = 10;
export const HEADER_SEQUENCE = 11;

/** Units of a record's header. */
export const RECORD_UNITS = 3;
export const RECORD_POSITION = 0;
export const RECORD_SEQUENCE = 1;
/** Words of a record's header. */
export const RECORD_STATE = 4;
export const RECORD_BYTES = 5;

/** Sequence of a filler. */
export const NO_SEQUENCE = 0;

/** State of a freed record, whose memory may be reclaimed. */
export const FREE = 0;
/** State of a record that is complete. */
export const COMMITTED = -1;

/** Mark in the lock: a process sleeps until it is released. */
export const WAITED_FOR = 0x80000000 | 0;
export const HOLDER_MASK = 0x7fffffff;

/** Maximum number of handles that write at the same time. */
export const MAX_OWNERS = 1023;

/** Units that a record with this payload takes. */
export function unitsFor(bytes: number): number {
  return RECORD_UNITS + Math.ceil(bytes / UNIT_BYTES);
}
