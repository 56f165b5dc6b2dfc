import { Occupancy } from '../../pools/occupancy.js';

/**
 * The heap contains the values of long columns that do not fit in their rows.
 *
 *   occupancy bits | block table | payload, aligned to 4096
 *   block table: owner u32 | next u32 for each block        payload: blocks of blockBytes, block 1 first
 *
 * Blocks are numbered from 1. A value outside its row fills a chain of blocks in the order of its bytes; the `next` of
 * the last one is 0. Table and payload are separate, so that consecutively numbered blocks are one piece of memory, and
 * a value in one block is read without the table.
 *
 * The owner word of a block: 0 free | the id of the participant that claimed it, even after its row was linked | ~id
 * while that participant releases it.
 *
 * Invariants
 * - A chain belongs to the row slice whose field names it. The store that links a row also links its blocks: there is
 *   no list of blocks, and a commit needs no further step.
 * - A block that is not free is in the chain of exactly one field of one slice, or is named by CLAIMING or RELEASING in
 *   a journal. A field that KEPT marks in its spare does not count.
 * - At rest every slice that is not linked has 0 as the first block of all its long fields.
 * - Only the owner of a slice frees the chains of its fields; fields, blocks and table words of a linked row never change.
 */

/** Offsets in an entry of the block table, in words. */
export const BLOCK_OWNER = 0;
export const BLOCK_NEXT = 1;
export const BLOCK_TABLE_WORDS = 2;

/** Offsets in the field of a long column, in words: see `row.ts`. */
export const FIELD_LENGTH = 0;
export const FIELD_FIRST = 1;
export const FIELD_INLINE = 2;
/** Set in the length of a text that is all ASCII, which is decoded in less than half the time. */
export const ASCII = 0x80000000 | 0;
/** The length without that bit. */
export const LENGTH_MASK = 0x7fffffff;

const PAYLOAD_ALIGNMENT = 4096;

/** Where the parts of a heap are, in bytes from the start of the segment. */
export interface HeapLayout {
  readonly bitsAt: number;
  readonly tableAt: number;
  readonly payloadAt: number;
  readonly blocks: number;
  readonly blockBytes: number;
  /** Where the heap ends. */
  readonly endAt: number;
}

export function layOutHeap({ bytes, blockBytes }: { bytes: number; blockBytes: number }, bitsAt: number): HeapLayout {
  const blocks = Math.ceil(bytes / blockBytes);
  const tableAt = align(bitsAt + Occupancy.bytesFor(blocks), 64);
  const payloadAt = align(tableAt + (blocks + 1) * BLOCK_TABLE_WORDS * 4, PAYLOAD_ALIGNMENT);
  return { bitsAt, tableAt, payloadAt, blocks, blockBytes, endAt: align(payloadAt + blocks * blockBytes, 64) };
}

function align(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}
