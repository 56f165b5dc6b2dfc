import type { Replacement } from '../mutant.js';

/** A mutation, and the operation whose proof must detect it. */
export interface Mutation extends Replacement {
  readonly name: string;
  /** The operation that is killed. */
  readonly operation: string;
}

const PARTICIPANT = 'table/participant.js';
const LOCK = 'table/hot/lock.js';
const REDO = 'table/hot/redo.js';
const FEED = 'table/changes/change-feed.js';
const HEAP = 'table/hot/heap.js';
const JOURNAL = 'table/journal.js';

/** Mutations of the table. */
export const mutations: readonly Mutation[] = [
  {
    name: 'the journal is cleared before the lock is released',
    file: LOCK,
    search: 'carryOut(at, id);\n        release(home);',
    replace: 'carryOut(at, id); end(); release(home);',
    operation: 'set, existing',
  },
  {
    name: 'the lock is taken before the journal names the bucket',
    file: LOCK,
    search: 'const home = intend(operation, bucket);\n        if (woken',
    replace:
      'const home = index + bucket * BUCKET_WORDS; const free = Atomics.compareExchange(words, home + LOCK, 0, id) === 0; intend(operation, bucket); if (free) return home; if (woken',
    operation: 'set, existing',
  },
  {
    name: 'the journal does not say that it is prepared',
    file: LOCK,
    search: 'words[at + slot.STAGE] = slot.PREPARED;',
    replace: '',
    operation: 'delete head, with one row in the overflow bucket',
  },
  {
    name: 'recovery carries out an operation whose lock was already released',
    file: PARTICIPANT,
    search: 'operation !== slot.NONE && journal.holdsLock(at, id)',
    replace: 'operation !== slot.NONE && (words[at + slot.STAGE] === slot.PREPARED || journal.holdsLock(at, id))',
    operation: 'set, existing',
  },
  {
    name: 'recovery does not release the lock',
    file: PARTICIPANT,
    search: 'by.locking.release(memory.homeWord(words[at + slot.BUCKET]));',
    replace: '',
    operation: 'increment count in place',
  },
  {
    name: 'recovery does not free the slice that was taken',
    file: PARTICIPANT,
    search: 'journal.freeLeftovers(at, id);',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'recovery clears the journal before it frees the slice that was taken',
    file: PARTICIPANT,
    search: 'journal.freeLeftovers(at, id);\n',
    replace: 'words[at + slot.OPERATION] = slot.NONE; journal.freeLeftovers(at, id);\n',
    operation: 'insert that appends an overflow bucket',
  },
  {
    name: 'the spare is not replaced',
    file: REDO,
    search: 'words[at + slot.SPARE] = old !== 0 ? old : words[at + slot.TAKEN];',
    replace: '',
    operation: 'set, existing',
  },
  {
    name: 'the version is not advanced',
    file: REDO,
    search: 'advance(home, at, 0);\n        if (old !== 0)',
    replace: 'if (old !== 0)',
    operation: 'set, existing',
  },
  {
    name: 'a new row gets no tag',
    file: REDO,
    search: 'if (old === 0)\n            bytes[bucket.tagByte(place, position)] = words[at + slot.TAG];',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'the row that is linked keeps its owner',
    file: REDO,
    search: 'words[rowWord(row) + slice.SLICE_OWNER] = slice.LINKED;',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'the row that is unlinked gets no owner',
    file: REDO,
    search: 'words[rowWord(words[at + slot.ROW]) + slice.SLICE_OWNER] = id;',
    replace: '',
    operation: 'delete middle',
  },
  {
    name: 'a removal empties the old place before it fills the gap',
    file: REDO,
    search: 'const moved = words[at + slot.MOVED];',
    replace:
      'const moved = words[at + slot.MOVED]; if (moved !== 0) Atomics.store(words, bucketWord(home, words[at + slot.SOURCE]) + bucket.FIRST_ENTRY + words[at + slot.SOURCE_POSITION], 0);',
    operation: 'delete head, with some rows in the overflow bucket',
  },
  {
    name: 'counters are added to instead of stored',
    file: REDO,
    search: 'doubles[(at + slot.COUNTER_AFTER) >>> 1];\n',
    replace: 'doubles[(at >>> 1) + slot.counterAt(words[at + slot.COUNTER])] + 1;\n',
    operation: 'set, new',
  },
  {
    name: 'an increment is added again by recovery',
    file: REDO,
    search: 'words[column / 4] = words[value];',
    replace: 'words[column / 4] += 2;',
    operation: 'increment count in place',
  },
  {
    name: 'a slice is taken before the journal names it',
    file: 'pools/fixed-pool.js',
    search: 'if (journal !== undefined)\n                this.#words[journal] = slice;',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'the sequence of a row remains odd',
    file: LOCK,
    search: 'words[row + ROW_SEQUENCE] + 1',
    replace: 'words[row + ROW_SEQUENCE]',
    operation: 'set, new',
  },
  {
    name: 'recovery does not notice that a change already has a cell',
    file: FEED,
    search: 'if (tried !== 0 && this.#holds(tried, id))',
    replace: 'if (false)',
    operation: 'set, new, with a change feed',
  },
  {
    name: 'recovery does not move the head past the cell of a change',
    file: FEED,
    search: 'Atomics.compareExchange(this.#longs, headAt, BigInt(tried), BigInt(tried) + 1n);',
    replace: '',
    operation: 'set, new, with a change feed',
  },
  {
    name: 'a block is claimed before the journal names it',
    file: HEAP,
    search: 'words[at + slot.CLAIMING] = block;',
    replace: '',
    operation: 'set, new, with long values',
  },
  {
    name: 'the journal names a claimed block when its row is linked',
    file: HEAP,
    search: 'current = 0;\n        words[at + slot.CLAIMING] = 0;',
    replace: 'current = 0;',
    operation: 'set, new, with long values',
  },
  {
    name: 'recovery does not see that a write has claimed blocks',
    file: PARTICIPANT,
    search: 'words[at + slot.OPERATION] !== slot.NONE || words[at + slot.HEAP_OPEN] !== 0',
    replace: 'words[at + slot.OPERATION] !== slot.NONE',
    operation: 'set, new, with long values',
  },
  {
    name: 'a block is freed before its field is advanced',
    file: HEAP,
    search:
      'words[field + FIELD_FIRST] = words[entry + BLOCK_NEXT];\n            storeRelease(words, entry + BLOCK_OWNER, 0);',
    replace: 'storeRelease(words, entry + BLOCK_OWNER, 0); words[field + FIELD_FIRST] = words[entry + BLOCK_NEXT];',
    operation: 'delete of a value over two words of bits',
  },
  {
    name: 'recovery does not free a block whose release was interrupted',
    file: HEAP,
    search: '!== ~id)',
    replace: '!== ~id || true)',
    operation: 'delete of long values',
  },
  {
    name: 'the chains of a removed row are not freed by recovery',
    file: PARTICIPANT,
    search: 'journal.freeRemovedChains(at, id);',
    replace: '',
    operation: 'delete of long values',
  },
  {
    name: 'a removed row is freed before its chains',
    file: 'table/hot/remove.js',
    search: 'if (heap !== undefined)\n            heap.freeRow(at, id, rowWord(row));\n        rows.release(row, id);',
    replace: 'rows.release(row, id); if (heap !== undefined) heap.freeRow(at, id, rowWord(row));',
    operation: 'delete of long values',
  },
  {
    name: 'a kept chain is named before the journal says that it is kept',
    file: 'table/hot/long-fields.js',
    search: 'const first = words[from + FIELD_FIRST];\n            // The order',
    replace: 'const first = words[from + FIELD_FIRST]; words[to + FIELD_FIRST] = first;\n            // The order',
    operation: 'set, one long value, others kept',
  },
  {
    name: 'the hints of blocks that were freed before another one are not corrected by recovery',
    file: JOURNAL,
    search: 'this.#resyncBlock(this.#words[at + slot.RELEASING]);',
    replace: '',
    operation: 'delete of a value over two words of bits',
  },
  {
    name: 'blocks are added to the counter',
    file: REDO,
    search: '= doubles[(at + slot.BLOCKS_AFTER) >>> 1];',
    replace: '+= 1;',
    operation: 'set, new, with long values',
  },
];
