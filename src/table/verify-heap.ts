import { isAscii, isUtf8 } from 'node:buffer';
import { FREE } from '../pools/fixed-pool-layout.js';
import {
  ASCII,
  BLOCK_NEXT,
  BLOCK_OWNER,
  BLOCK_TABLE_WORDS,
  FIELD_FIRST,
  FIELD_INLINE,
  FIELD_LENGTH,
  type HeapLayout,
  LENGTH_MASK,
} from './layout/heap.js';
import { isLong, type LongColumn } from './layout/row.js';
import * as slot from './layout/slot.js';
import type { TableMemory } from './layout/table-memory.js';
import type { RowNumber } from './layout/units.js';
import { countedBlocks } from './stats.js';

/** Receives the description of a problem. */
export type Report = (problem: string) => void;

/**
 * Checks the heap of a table in which no operation is under way; nothing for a table without long columns.
 * - A value lies in its row when it fits there, else in a chain of exactly the blocks that its length needs, each in no
 *   other chain and with the id of a participant; only such blocks are taken, and their bits say so.
 * - A slice that is not linked names no block.
 * - A text is UTF-8, and marked as ASCII exactly when it is; a JSON text parses.
 * - No journal has claims; the counters add up to the blocks of rows; the hints agree.
 * O(heap + rows).
 */
export function verifyHeap(memory: TableMemory, linkedRows: ReadonlySet<number>, report: Report): void {
  const { heap } = memory.layout;
  if (heap === undefined || memory.heapBits === undefined) return;
  const columns = memory.layout.row.columns.filter(isLong);
  const chained = new Uint8Array(heap.blocks + 1);
  let inChains = 0;
  for (let row = 1 as RowNumber; row <= memory.rowSlices; row++) {
    for (const column of columns) {
      const field = memory.rowWord(row) + column.offset / 4;
      const where = `row ${row}, column ${column.name}`;
      if (!linkedRows.has(row)) {
        if (memory.words[field + FIELD_FIRST] !== 0) report(`${where}: is not linked and names a block`);
        continue;
      }
      const blocks = checkChain(memory, heap, field, column, chained, (problem) => report(`${where}: ${problem}`));
      if (blocks !== undefined) inChains += blocks;
    }
  }
  checkBlocks(memory, heap, chained, report);
  checkJournals(memory, report);
  const counted = countedBlocks(memory);
  if (counted !== inChains) report(`the counters say ${counted} blocks, rows have ${inChains}`);
  for (const { level, word } of memory.heapBits.disagreements()) {
    report(`heap: occupancy level ${level} word ${word} disagrees with the level above`);
  }
}

/** Checks one value; returns its blocks, undefined after a problem. */
function checkChain(
  memory: TableMemory,
  heap: HeapLayout,
  field: number,
  column: LongColumn,
  chained: Uint8Array,
  report: Report,
): number | undefined {
  const { words, bytes } = memory;
  const word = words[field + FIELD_LENGTH];
  const length = word & LENGTH_MASK;
  const first = words[field + FIELD_FIRST];
  if (length > column.maxBytes) {
    report(`has ${length} bytes`);
    return undefined;
  }
  if (first === 0 || length <= column.inlineBytes) {
    if (first !== 0) report(`has ${length} bytes, and names a block`);
    else if (length > column.inlineBytes) report(`has ${length} bytes, and names no block`);
    else {
      const at = (field + FIELD_INLINE) * 4;
      checkContent(column, word, bytes.subarray(at, at + length), report);
      return 0;
    }
    return undefined;
  }
  const count = Math.ceil(length / heap.blockBytes);
  if (count > heap.blocks) {
    report(`its length needs ${count} blocks, the heap has ${heap.blocks}`);
    return undefined;
  }
  const content = Buffer.allocUnsafe(length);
  let block = first;
  for (let met = 0; met < count; met++) {
    if (!memory.isBlock(block)) {
      report(`its chain has ${met} blocks, its length needs ${count}`);
      return undefined;
    }
    if (chained[block] !== 0) {
      report(`block ${block} is in two chains, or twice in one`);
      return undefined;
    }
    chained[block] = 1;
    const at = heap.payloadAt + (block - 1) * heap.blockBytes;
    const done = met * heap.blockBytes;
    content.set(bytes.subarray(at, at + Math.min(length - done, heap.blockBytes)), done);
    block = words[heap.tableAt / 4 + block * BLOCK_TABLE_WORDS + BLOCK_NEXT];
  }
  if (block !== 0) {
    report(`its chain has more blocks than its length needs`);
    return undefined;
  }
  checkContent(column, word, content, report);
  return count;
}

function checkContent({ kind }: LongColumn, word: number, content: Buffer, report: Report): void {
  const isMarked = (word & ASCII) !== 0;
  if (kind === 'blob') return;
  if (isMarked !== (content.length > 0 && isAscii(content))) report(`is ${isMarked ? '' : 'not '}marked as ASCII`);
  if (!isUtf8(content)) report('is not UTF-8');
  else if (kind === 'json' && content.length > 0 && !isJson(content)) report('is not JSON');
}

function isJson(content: Buffer): boolean {
  try {
    JSON.parse(content.toString());
    return true;
  } catch {
    return false;
  }
}

function checkBlocks(memory: TableMemory, heap: HeapLayout, chained: Uint8Array, report: Report): void {
  const { maxParticipants } = memory.layout.schema;
  for (let block = 1; block <= heap.blocks; block++) {
    const owner = memory.words[heap.tableAt / 4 + block * BLOCK_TABLE_WORDS + BLOCK_OWNER];
    const isOwner = owner > 0 && owner <= maxParticipants;
    if (chained[block] !== 0 && !isOwner) report(`block ${block} is in a chain and has owner ${owner}`);
    if (chained[block] === 0 && owner !== FREE) report(`block ${block} is in no chain and has owner ${owner}`);
    if (memory.heapBits?.isTaken(block - 1) !== (owner !== FREE)) {
      report(`block ${block} has owner ${owner}, its bit says ${owner === FREE ? 'taken' : 'free'}`);
    }
  }
}

function checkJournals(memory: TableMemory, report: Report): void {
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    const at = memory.slotWord(number);
    const kept = memory.words.subarray(at + slot.KEPT, at + slot.KEPT + slot.MAX_LONG_COLUMNS / 32);
    const isClean = memory.words[at + slot.HEAP_OPEN] === 0 && memory.words[at + slot.CLAIMING] === 0;
    if (!isClean || kept.some((word) => word !== 0)) report(`participant ${number + 1} has blocks claimed`);
  }
}
