import type { Occupancy } from '../../pools/occupancy.js';
import type { HeapLayout } from '../layout/heap.js';
import type { WordIndex } from '../layout/units.js';
import type { TableContext } from '../table-context.js';

/**
 * Claims and releases the blocks of a table's heap: see `layout/heap.ts` for the layout and its invariants.
 *
 * Every step leaves a state from which recovery, or the next step, can continue. The order matters:
 * - A block is checked before CLAIMING names it. A linked row's block may have this participant's own id from an
 *   earlier write: if it were named unchecked, recovery after a kill would consider it claimed and free it.
 * - A block is appended to its chain before the next one is claimed, and CLAIMING is 0 before a row operation begins.
 * - A block to release is tagged ~id, then its field is advanced past it, then it is freed: `next` is never read when
 *   another participant may own the block. The tag is not the id, because RELEASING may be out of date and name a block
 *   that the same participant has claimed again.
 * - The occupancy bits of a word are synced for all blocks of the word at once, before CLAIMING or RELEASING names a
 *   block of another word. Recovery syncs the words of both, that of RELEASING before it releases others.
 * - A block whose bit is corrected without a claim is named by RELEASING: if CLAIMING named it, recovery would free it
 *   if it has the id of the dead participant.
 */
export interface Heap {
  /** Number of blocks for a value of this many bytes. */
  readonly blocksFor: (bytes: number) => number;
  /**
   * Claims blocks for the journal at word `at` until the chain of the field has `count` of them; false when no free
   * block was found. A further call with the same field continues. `chain` is the chain afterwards.
   */
  readonly claimChain: (at: WordIndex, id: number, field: WordIndex, count: number) => boolean;
  readonly chain: Runs;
  /** Sets where in the heap to search first, from 0 to 1, so that participants do not compete for the same blocks. */
  readonly lookFrom: (part: number) => void;
  /** Forgets the chain that was claimed last. */
  readonly beginClaims: () => void;
  /** Ends the claims of a write: it no longer extends a chain. */
  readonly endClaims: (at: WordIndex) => void;
  /** Frees the chains of all long fields of a row slice that `id` owns. Repeatable. */
  readonly freeRow: (at: WordIndex, id: number, row: WordIndex) => void;
  /** `freeRow` of the spare, except for the chains in KEPT, which the linked row names too. Repeatable. */
  readonly freeSpare: (at: WordIndex, id: number, row: WordIndex) => void;
  /**
   * Finishes the release of the block that the journal at `at` names, if it was interrupted. `rows` are the rows whose
   * chain it may be in.
   */
  readonly finishRelease: (at: WordIndex, id: number, rows: readonly WordIndex[]) => void;
  /**
   * Frees a block that `id` has claimed; does nothing if another participant owns it. Its bit must be synced
   * afterwards.
   */
  readonly freeClaimed: (block: number, id: number) => void;
  /** Blocks of the row at this word. */
  readonly blocksOf: (row: WordIndex) => number;
  /** Prepares the value of heapBlocks after the operation. */
  readonly prepareBlocks: (at: WordIndex, more: number) => void;
}

/** A chain as runs of consecutive blocks: the first block and the number of blocks of each run in turn. */
interface Runs {
  readonly blocks: number[];
  /** Number of valid elements of `blocks`. */
  length: number;
}

/** The heap of a table, and which participant uses it. */
interface HeapSupport {
  readonly layout: HeapLayout;
  readonly bits: Occupancy;
  /** Offsets of the long fields in a row, in words: position i is that of bit i of KEPT. */
  readonly fields: readonly number[];
}

/** Creates the functions that claim and release blocks. */
export function makeHeap({ memory, addresses, constants, runtime }: TableContext, support: HeapSupport): Heap {
  // Words of bits that are searched for a run of free blocks, and the longest run that is searched for.
  const MAX_WORDS_LOOKED_AT = 16;
  const WORD_BITS = 32;
  const FULL = -1;
  const { words, doubles } = memory;
  const { storeRelease } = runtime;
  const { slot } = constants;
  const { BLOCK_NEXT, BLOCK_OWNER, BLOCK_TABLE_WORDS, FIELD_FIRST, FIELD_LENGTH, LENGTH_MASK } = constants.heap;
  const { bits, fields } = support;
  const { blocks, blockBytes } = support.layout;
  const { maxParticipants } = memory.layout.schema;
  const shift = Math.log2(blockBytes);
  const table = addresses.heapTable;
  const { first: firstLeaf, count: leaves } = bits.leaves;
  const longColumns = fields.length;
  const chain: Runs = { blocks: [], length: 0 };
  const runs = chain.blocks;
  // The word of bits with which the search continues, and the one in which a block was freed last.
  let cursor = 0;
  let near = 0;
  // The chain that is being claimed: its field, its last block, and how many it has.
  let current = 0;
  let tail = 0;
  let claimed = 0;

  const entryOf = (block: number): number => table + block * BLOCK_TABLE_WORDS;

  const syncWord = (index: number, mask: number): void =>
    bits.syncWord(index, mask, entryOf(index * WORD_BITS + 1) + BLOCK_OWNER, BLOCK_TABLE_WORDS);

  const blocksFor = (bytes: number): number => (bytes + blockBytes - 1) >>> shift;

  // The lowest bit at which `length` clear bits of a word begin, -1 for none.
  const runIn = (word: number, length: number): number => {
    let free = ~word;
    for (let have = 1; have < length && free !== 0; ) {
      const step = Math.min(have, length - have);
      free &= free >>> step;
      have += step;
    }
    return free === 0 ? -1 : 31 - Math.clz32(free & -free);
  };

  // A bit that looks free, if possible the first of `wanted` free ones: its index, or a negative number as from
  // `Occupancy.findFree`. A single block is taken where the last one was freed, which is in the cache; a longer chain
  // where it fits in one piece.
  const seek = (wanted: number): number => {
    if (wanted === 1 && words[firstLeaf + near] !== FULL) {
      return near * WORD_BITS + runIn(words[firstLeaf + near], 1);
    }
    const run = wanted < WORD_BITS ? wanted : WORD_BITS;
    for (let looked = 0; looked < MAX_WORDS_LOOKED_AT && looked < leaves; looked++) {
      const index = cursor + looked < leaves ? cursor + looked : cursor + looked - leaves;
      const bit = runIn(words[firstLeaf + index], run);
      if (bit >= 0) {
        cursor = index;
        return index * WORD_BITS + bit;
      }
    }
    const word = words[firstLeaf + cursor];
    if (word !== FULL) return cursor * WORD_BITS + runIn(word, 1);
    const bit = bits.findFree();
    if (bit >= 0) cursor = bit >>> 5;
    return bit;
  };

  const append = (field: number, block: number): void => {
    if (tail === 0) words[field + FIELD_FIRST] = block;
    else words[entryOf(tail) + BLOCK_NEXT] = block;
    if (tail !== 0 && block === tail + 1) {
      runs[chain.length - 1]++;
    } else {
      runs[chain.length] = block;
      runs[chain.length + 1] = 1;
      chain.length += 2;
    }
    tail = block;
    claimed++;
  };

  const claimChain = (at: WordIndex, id: number, field: WordIndex, count: number): boolean => {
    if (current !== field) {
      current = field;
      tail = 0;
      claimed = 0;
      chain.length = 0;
    }
    while (claimed < count) {
      const from = seek(count - claimed);
      if (from === -1) {
        words[at + slot.CLAIMING] = 0;
        return false;
      }
      if (from < 0) {
        // The levels disagree on the path of this block. The journal names it while they are corrected, but not as a
        // claim, because it may be in a linked row and have this participant's id.
        words[at + slot.RELEASING] = -1 - from;
        bits.syncPath(-2 - from);
        continue;
      }
      const index = from >>> 5;
      let touched = 0;
      for (let free = ~words[firstLeaf + index] & (FULL << (from & 31)); free !== 0 && claimed < count; ) {
        const bit = free & -free;
        free ^= bit;
        touched |= bit;
        const block = index * WORD_BITS + (31 - Math.clz32(bit)) + 1;
        if (block > blocks) {
          // The bits after that of the last block are always set, unless they are damaged.
          Atomics.or(words, firstLeaf + index, bit);
          touched ^= bit;
          continue;
        }
        const owner = entryOf(block) + BLOCK_OWNER;
        if (words[owner] !== 0) {
          // Its bit is about to be corrected, and no claim may name its word to recovery.
          words[at + slot.RELEASING] = block;
          continue;
        }
        words[at + slot.CLAIMING] = block;
        if (Atomics.compareExchange(words, owner, 0, id) !== 0) continue;
        words[entryOf(block) + BLOCK_NEXT] = 0;
        append(field, block);
      }
      syncWord(index, touched);
    }
    return true;
  };

  const lookFrom = (part: number): void => {
    cursor = Math.floor(part * leaves);
    near = cursor;
  };

  const beginClaims = (): void => {
    current = 0;
  };

  const endClaims = (at: WordIndex): void => {
    current = 0;
    words[at + slot.CLAIMING] = 0;
  };

  const isOwner = (owner: number): boolean => owner > 0 && owner <= maxParticipants;

  const freeChain = (at: WordIndex, id: number, field: WordIndex): void => {
    let index = -1;
    let mask = 0;
    for (;;) {
      const block = words[field + FIELD_FIRST];
      if (block === 0) break;
      const entry = entryOf(block);
      // Damaged memory: the rest of the chain is lost, but no block of another owner is freed.
      if (block < 0 || block > blocks || !isOwner(words[entry + BLOCK_OWNER])) {
        words[field + FIELD_FIRST] = 0;
        break;
      }
      const word = (block - 1) >>> 5;
      if (word !== index) {
        if (mask !== 0) syncWord(index, mask);
        index = word;
        mask = 0;
      }
      words[at + slot.RELEASING] = block;
      words[entry + BLOCK_OWNER] = ~id;
      words[field + FIELD_FIRST] = words[entry + BLOCK_NEXT];
      storeRelease(words, entry + BLOCK_OWNER, 0);
      mask |= 1 << ((block - 1) & 31);
    }
    if (mask === 0) return;
    syncWord(index, mask);
    near = index;
  };

  const freeRow = (at: WordIndex, id: number, row: WordIndex): void => {
    for (let i = 0; i < longColumns; i++) {
      const field = (row + fields[i]) as WordIndex;
      if (words[field + FIELD_FIRST] !== 0) freeChain(at, id, field);
    }
  };

  const freeSpare = (at: WordIndex, id: number, row: WordIndex): void => {
    for (let i = 0; i < longColumns; i++) {
      const field = (row + fields[i]) as WordIndex;
      if (words[field + FIELD_FIRST] === 0) continue;
      const isKept = (words[at + slot.KEPT + (i >>> 5)] & (1 << (i & 31))) !== 0;
      if (isKept) words[field + FIELD_FIRST] = 0;
      else freeChain(at, id, field);
    }
    for (let i = 0; i < longColumns; i += WORD_BITS) words[at + slot.KEPT + (i >>> 5)] = 0;
  };

  const finishRelease = (at: WordIndex, id: number, rows: readonly WordIndex[]): void => {
    const block = words[at + slot.RELEASING];
    if (block === 0 || words[entryOf(block) + BLOCK_OWNER] !== ~id) return;
    for (const row of rows) {
      for (let i = 0; i < longColumns; i++) {
        const first = row + fields[i] + FIELD_FIRST;
        if (words[first] === block) words[first] = words[entryOf(block) + BLOCK_NEXT];
      }
    }
    storeRelease(words, entryOf(block) + BLOCK_OWNER, 0);
  };

  const freeClaimed = (block: number, id: number): void => {
    Atomics.compareExchange(words, entryOf(block) + BLOCK_OWNER, id, 0);
  };

  const blocksOf = (row: WordIndex): number => {
    let sum = 0;
    for (let i = 0; i < longColumns; i++) {
      const field = row + fields[i];
      if (words[field + FIELD_FIRST] !== 0) sum += blocksFor(words[field + FIELD_LENGTH] & LENGTH_MASK);
    }
    return sum;
  };

  const prepareBlocks = (at: WordIndex, more: number): void => {
    doubles[(at + slot.BLOCKS_AFTER) >>> 1] = doubles[(at + slot.HEAP_BLOCKS) >>> 1] + more;
  };

  return {
    blocksFor,
    claimChain,
    chain,
    lookFrom,
    beginClaims,
    endClaims,
    freeRow,
    freeSpare,
    finishRelease,
    freeClaimed,
    blocksOf,
    prepareBlocks,
  };
}
