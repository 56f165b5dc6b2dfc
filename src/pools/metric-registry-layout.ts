/**
 * A MetricRegistry in memory: a header, followed by a GlobalPool with the entries and the blocks.
 *
 *   header              entry "requests"            entry "seconds"
 *   +-------+           +-------+                   +-------+
 *   | first |---------->| next  |------------------>| next  |---> 0
 *   +-------+           | blocks|---+               | blocks|---> ...
 *                       +-------+   |               +-------+
 *                                   v
 *                      block of writer 3 ---> block of writer 1 ---> 0
 *
 *   header   0  magic   u32
 *            4  first   u32  the oldest entry
 *
 *   entry    0  next    u32  the next newer entry
 *            4  blocks  u32  the newest block
 *            8  kind    u32  COUNTER or HISTOGRAM
 *           12  nameBytes    u32
 *           16  boundCount   u32  0 for a counter
 *           24  bounds       f64 each, ascending
 *            +  name         UTF-8
 *
 *   block    0  next    u32  the next older block
 *            4  writer  u32  the only writer of the block, 1 ..
 *   counter  8  value   f64
 *   histogr. 8  step    u32  odd: the observation below is committed, and perhaps not carried out yet
 *           12  bucket  u32  \
 *           16  count   f64   > the bucket's count and the sum after the observation
 *           24  sum     f64  /
 *           32  total   f64  sum of all observations
 *           40  counts  f64 each, one more than there are bounds
 *
 * `next`, `first` and `blocks` are in units of 8 bytes from the header; 0 is none.
 *
 * Invariants
 * - An entry and a block are complete before one compare-and-swap links them, and are never moved or removed.
 * - An entry is linked only after the last one: a process that swaps the last link from 0 has compared the names of all
 *   others. So a name has one entry.
 * - A block is written only by its writer, the handle that holds the byte lock of that number. The blocks of a dead
 *   writer belong to the next holder of the byte, which continues from their values.
 * - A counter advances by one store of 8 bytes; a histogram by the store that makes `step` odd, before which the
 *   observation is not counted and after which it is, by readers and by the next writer alike.
 */

/** First word of a registry: "MREG". */
export const REGISTRY_MAGIC = 0x4745524d;

export const HEADER_BYTES = 64;
/** The unit of links, in bytes. */
export const LINK_BYTES = 8;

/** Word offsets in the header. */
export const HEADER_MAGIC = 0;
export const HEADER_FIRST = 1;

/** Word offsets in an entry. */
export const ENTRY_NEXT = 0;
export const ENTRY_BLOCKS = 1;
export const ENTRY_KIND = 2;
export const ENTRY_NAME_BYTES = 3;
export const ENTRY_BOUND_COUNT = 4;
/** Byte offset in an entry. */
export const ENTRY_BOUNDS = 24;

export const COUNTER = 1;
export const HISTOGRAM = 2;

/** Word offsets in a block. */
export const BLOCK_NEXT = 0;
export const BLOCK_WRITER = 1;
export const STEP = 2;
export const BUCKET = 3;
/** Offsets in a block in units of 8 bytes. */
export const VALUE = 1;
export const NEW_COUNT = 2;
export const NEW_SUM = 3;
export const TOTAL = 4;
export const COUNTS = 5;
