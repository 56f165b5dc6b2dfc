/**
 * The change feed: a ring of cells of one size, each holding a committed change.
 *
 *   header   0  head      u64  sequence that the next change gets; sequences count from 1
 *            8  wake      u32  advanced by every published change: the word that watchers sleep on
 *           12  sleepers  u32  1 while a watcher sleeps
 *           16  first     u64  the first sequence that this feed has had: earlier ones were in a segment that the table has left
 *   cells   64  the change with sequence s is in cell s modulo the number of cells
 *
 *   cell     0  claim     u32  published (bit 0) | id of the participant (bits 1 .. 11) | lap modulo 2^20 (the rest)
 *            4  kind      u32  key bytes | type << 16
 *            8  revision  f64
 *           16  checksum  u32  over sequence, kind, revision and key
 *           20  key       maxKeyBytes, rounded up to words, unused bytes of the last word zero
 *
 *   The lap of sequence s is floor(s / number of cells) + 1, so a claim of zero belongs to no lap. Twenty bits of it
 *   are enough, since a sequence is only looked up within the last lap before the head.
 *
 * Invariants
 * - head = s + 1 only after cell s modulo n was claimed for s: every sequence below head has, or had, its cell. While s
 *   is the head, the claim of its cell therefore belongs to the lap before, or to the lap of s when somebody has just
 *   claimed it.
 * - A claim advances by exactly one lap, never back and never past one: a producer takes a cell only from the lap
 *   before that of the head that it has seen. Without this rule, a producer that was preempted after loading the head
 *   could take the cell of a newer change, which then has neither a sequence nor a gap.
 * - Sequences are claimed under the lock of the changed row's bucket, so those of one key are in commit order.
 * - A published claim is changed only by the claim of a later lap; an unpublished one only by its owner (or whoever
 *   settles it), or by a producer that reaches it one lap later: then the change is lost to readers that are a lap
 *   behind, as is any other change of its lap.
 * - A producer overtaken in this way may write into another's cell when it continues: readers then find a wrong
 *   checksum and report a gap.
 */

/** Offsets in the feed's header, in words of four bytes. */
export const FEED_HEAD = 0;
export const FEED_WAKE = 2;
export const FEED_SLEEPERS = 3;
export const FEED_FIRST = 4;
export const FEED_HEADER_BYTES = 64;

/** Offsets in a cell, in words of four bytes, after the claim at its beginning. */
export const CELL_KIND = 1;
export const CELL_REVISION = 2;
export const CELL_CHECKSUM = 4;
export const CELL_KEY = 5;

/** With fewer cells, every reader would fall behind at once. */
const MIN_CELLS = 16;

export function cellBytes(maxKeyBytes: number): number {
  return Math.ceil((CELL_KEY * 4 + maxKeyBytes) / 8) * 8;
}

/** The number of cells that a feed of this many bytes has. */
export function countCells(bytes: number, maxKeyBytes: number): number {
  return bytes === 0 ? 0 : Math.floor((bytes - FEED_HEADER_BYTES) / cellBytes(maxKeyBytes));
}

export function leastFeedBytes(maxKeyBytes: number): number {
  return FEED_HEADER_BYTES + MIN_CELLS * cellBytes(maxKeyBytes);
}

/** Types of change by the counter that the operation advances: inserts, updates, deletes, expirations, evictions. */
export const CHANGE_TYPES = ['insert', 'update', 'delete', 'expire', 'evict'] as const;

const LAP_SHIFT = 12;
const PUBLISHED = 1;

export function lapOf(sequence: number, cells: number): number {
  return Math.floor(sequence / cells) + 1;
}

/** An unpublished claim. */
export function claimOf(lap: number, id: number): number {
  return (lap << LAP_SHIFT) | (id << 1);
}

export function published(claim: number): number {
  return claim | PUBLISHED;
}

export function isPublished(claim: number): boolean {
  return (claim & PUBLISHED) !== 0;
}

/** Whether the claim belongs to this lap, whichever participant made it. */
export function isOfLap(claim: number, lap: number): boolean {
  return (claim ^ (lap << LAP_SHIFT)) >>> LAP_SHIFT === 0;
}

/**
 * Whether a claim belongs to the lap before this one. No claim (0) counts as well: a cell has none before its first
 * change.
 */
export function precedesLap(claim: number, lap: number): boolean {
  return claim === 0 || isOfLap(claim, lap - 1);
}
