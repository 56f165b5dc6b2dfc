/**
 * A participant's slot: 256 bytes, four cache lines, written only by its owner (or by the participant that settles it
 * for a dead owner, holding its byte lock).
 *
 * words  0  pid
 *        1  spare          the row slice in which the next row is written; 0: never attached
 *        2  operation      NONE or the kind of the current operation: set after `bucket`, cleared after the release
 *        3  stage          INTENT: nothing to redo; PREPARED: every field below is final, redo is safe and required
 *        4  bucket         number of the home bucket whose lock the operation takes
 *        5  row            COMMIT: the row to link; REMOVE: the row to unlink; STORE: the row to change
 *        6  old            COMMIT: the row that it replaces, 0 none
 *        7  taken          COMMIT: the slice taken from the pool to be the next spare, 0 none
 *        8  overflow       COMMIT: the overflow bucket to append; REMOVE: the one to unlink; 0 none
 *        9  before         the bucket of the chain whose link is or becomes `overflow`; 0 the home bucket
 *       10  place          the entry to write: its bucket in the chain; 0 the home bucket
 *       11  position       ... and its position there, 0 .. 9
 *       12  tag            COMMIT: tag of the row
 *       13  source         REMOVE: bucket in the chain of the entry that moves into the gap
 *       14  sourcePosition ... its position
 *       15  moved          REMOVE: the row that moves into the gap, 0 none
 *       16  version        the bucket's version after the operation
 *       17  epoch          the bucket's epoch after the operation
 *       18  column         STORE: byte offset in the row of the number to change
 *       19  width          STORE: the kind of number
 *       20  value          STORE: 8 bytes, the number after the operation
 *       22  counter        which counter the operation advances
 *       24  counterAfter   f64, its value after the operation
 *       26  change         f64, sequence of the feed's cell that the operation tries to claim, 0 none yet
 *       28  claimed        1 when it is claimed: set before the change is published there
 *       29  heapOpen       1 from before the first block is claimed until the spare no longer names a chain
 *       30  claiming       the block that is being claimed; 0 before a row operation begins
 *       31  releasing      the block that is being released; may be out of date: current only if its owner word is ~id
 *       32  counters       f64 each, in the order of COUNTERS; never reset, not even when the slot is reused
 *       46  kept           256 bits: bit i: the spare and the linked row name the same chain in long column i, which
 *                          must not be freed with the spare
 *       54  blocksAfter    f64, heapBlocks after the operation
 *       56  heapBlocks     f64, blocks of linked rows that this slot's operations added, less those that they removed;
 *                          the sum over all slots is exact
 *
 * The journal holds final values only, so that carrying it out is repeatable: the operation itself, its recovery, and
 * the recovery of that recovery run the same code.
 */

export const SLOT_BYTES = 256;
export const SLOT_WORDS = SLOT_BYTES / 4;

export const PID = 0;
export const SPARE = 1;
export const OPERATION = 2;
export const STAGE = 3;
export const BUCKET = 4;
export const ROW = 5;
export const OLD = 6;
export const TAKEN = 7;
export const OVERFLOW = 8;
export const BEFORE = 9;
export const PLACE = 10;
export const POSITION = 11;
export const TAG = 12;
export const SOURCE = 13;
export const SOURCE_POSITION = 14;
export const MOVED = 15;
export const VERSION_AFTER = 16;
export const EPOCH_AFTER = 17;
export const COLUMN = 18;
export const WIDTH = 19;
export const VALUE = 20;
export const COUNTER = 22;
export const COUNTER_AFTER = 24;
export const CHANGE = 26;
export const CLAIMED = 28;
export const HEAP_OPEN = 29;
export const CLAIMING = 30;
export const RELEASING = 31;
export const KEPT = 46;
export const BLOCKS_AFTER = 54;
export const HEAP_BLOCKS = 56;
/** Columns for which KEPT has bits. */
export const MAX_LONG_COLUMNS = 256;
const FIRST_COUNTER = 32;

/** Kinds of operation. */
export const NONE = 0;
/** Links a new row, in a free entry or in place of an old row. */
export const COMMIT = 1;
/** Unlinks a row and closes the gap. */
export const REMOVE = 2;
/** Changes one aligned number of a linked row. */
export const STORE = 3;

/** Kinds of number that a STORE changes, by its `width`. */
export const STORE_BYTE = 1;
export const STORE_HALF = 2;
export const STORE_WORD = 4;
export const STORE_LONG = 8;
export const STORE_DOUBLE = 9;

/** Stages of an operation. */
export const INTENT = 0;
export const PREPARED = 1;

/** A participant's counters. `rows` is the sum of inserts less that of deletes, expirations and evictions. */
export const COUNTERS = [
  'inserts',
  'updates',
  'deletes',
  'expirations',
  'evictions',
  'recoveries',
  'lockWaits',
] as const;
export type Counter = (typeof COUNTERS)[number];

export const INSERTS = 0;
export const UPDATES = 1;
export const DELETES = 2;
export const EXPIRATIONS = 3;
export const EVICTIONS = 4;
export const RECOVERIES = 5;
export const LOCK_WAITS = 6;

/** Index of a counter in a Float64Array that begins with the slot. */
export function counterAt(counter: number): number {
  return FIRST_COUNTER / 2 + counter;
}
