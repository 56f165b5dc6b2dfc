import type { Mistake } from '../mutant.js';

/** A mistake, and the operation whose proof must notice it. */
export interface Mutation extends Mistake {
  readonly name: string;
  /** The operation that is tried. */
  readonly operation: string;
}

const PARTICIPANT = 'table/participant.js';
const JOURNAL = 'table/journal.js';
const FEED = 'table/change-feed.js';
const RING = 'pools/ring-buffer.js';
const ENTRIES = 'pools/metric-entries.js';
const HISTOGRAM = 'pools/metric-histogram.js';

export const mutations: readonly Mutation[] = [
  {
    name: 'the journal is cleared before the lock is released',
    file: PARTICIPANT,
    search: 'this.journal.carryOut(this.at, this.id);',
    replace: 'this.journal.carryOut(this.at, this.id); this.end();',
    operation: 'set, existing',
  },
  {
    name: 'the lock is taken before the journal names the bucket',
    file: PARTICIPANT,
    search: 'const home = this.#intend(operation, bucket);\n        if (this.#woken',
    replace:
      'const home = this.#memory.homeWord(bucket); const free = Atomics.compareExchange(this.#words, home + LOCK, 0, this.id) === 0; this.#intend(operation, bucket); if (free) return home; if (this.#woken',
    operation: 'set, existing',
  },
  {
    name: 'the journal does not say that it is prepared',
    file: PARTICIPANT,
    search: 'this.#words[this.at + slot.STAGE] = slot.PREPARED;',
    replace: '',
    operation: 'delete head, with one in the overflow bucket',
  },
  {
    name: 'recovery carries out what was released before',
    file: PARTICIPANT,
    search: 'if (journal.holdsLock(at, id))',
    replace: 'if (words[at + slot.STAGE] === slot.PREPARED || journal.holdsLock(at, id))',
    operation: 'set, existing',
  },
  {
    name: 'recovery does not release the lock',
    file: PARTICIPANT,
    search: 'by.release(memory.homeWord(words[at + slot.BUCKET]));',
    replace: '',
    operation: 'increment count in place',
  },
  {
    name: 'recovery does not free what was taken',
    file: PARTICIPANT,
    search: 'journal.freeLeftovers(at, id);',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'recovery clears the journal before it frees what was taken',
    file: PARTICIPANT,
    search: 'journal.freeLeftovers(at, id);\n',
    replace: 'words[at + slot.OPERATION] = slot.NONE; journal.freeLeftovers(at, id);\n',
    operation: 'insert that appends an overflow bucket',
  },
  {
    name: 'the spare is not replaced',
    file: JOURNAL,
    search: 'words[at + slot.SPARE] = old !== 0 ? old : words[at + slot.TAKEN];',
    replace: '',
    operation: 'set, existing',
  },
  {
    name: 'the version is not advanced',
    file: JOURNAL,
    search: 'this.#advance(home, at, 0);\n        const old',
    replace: 'const old',
    operation: 'set, existing',
  },
  {
    name: 'the row that is linked keeps its owner',
    file: JOURNAL,
    search: 'words[this.#memory.rowWord(row) + SLICE_OWNER] = LINKED;',
    replace: '',
    operation: 'set, new',
  },
  {
    name: 'the row that is unlinked gets no owner',
    file: JOURNAL,
    search: 'words[this.#memory.rowWord(words[at + slot.ROW]) + SLICE_OWNER] = id;',
    replace: '',
    operation: 'delete middle',
  },
  {
    name: 'a removal empties the old place before it fills the gap',
    file: JOURNAL,
    search: 'const moved = words[at + slot.MOVED];',
    replace:
      'const moved = words[at + slot.MOVED]; if (moved !== 0) Atomics.store(words, this.#bucket(home, words[at + slot.SOURCE]) + FIRST_ENTRY + words[at + slot.SOURCE_POSITION], 0);',
    operation: 'delete head, with some in the overflow bucket',
  },
  {
    name: 'counters are added to instead of stored',
    file: JOURNAL,
    search: 'this.#memory.doubles[(at + slot.COUNTER_AFTER) >>> 1];\n',
    replace: 'this.#memory.doubles[(at >>> 1) + slot.counterAt(this.#words[at + slot.COUNTER])] + 1;\n',
    operation: 'set, new',
  },
  {
    name: 'an increment is added again by recovery',
    file: JOURNAL,
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
    name: 'a row stays unfinished',
    file: PARTICIPANT,
    search: 'this.#words[row + ROW_SEQUENCE] + 1',
    replace: 'this.#words[row + ROW_SEQUENCE]',
    operation: 'set, new',
  },
  {
    name: 'recovery does not see that a change has its cell',
    file: FEED,
    search: 'if (tried !== 0 && this.#holds(tried, id))',
    replace: 'if (false)',
    operation: 'set, new, with a change feed',
  },
  {
    name: 'recovery leaves the head behind a change that has its cell',
    file: FEED,
    search: 'Atomics.compareExchange(this.#longs, headAt, BigInt(tried), BigInt(tried) + 1n);',
    replace: '',
    operation: 'set, new, with a change feed',
  },
  {
    name: 'the head passes a record before its header is written',
    file: RING,
    search: 'records.write(position, records.takeSequence(), this.#owners.id, bytes);',
    replace:
      'records.moveHead(records.behind(position, bytes)); records.write(position, records.takeSequence(), this.#owners.id, bytes);',
    operation: 'ring: alloc',
  },
  {
    name: 'the sequence is used up after the head has passed the record',
    file: RING,
    search:
      'records.write(position, records.takeSequence(), this.#owners.id, bytes);\n        records.moveHead(records.behind(position, bytes));',
    replace:
      'const numbers = new Float64Array(this.#words.buffer, this.#offset); records.write(position, numbers[layout.HEADER_SEQUENCE], this.#owners.id, bytes); records.moveHead(records.behind(position, bytes)); records.takeSequence();',
    operation: 'ring: alloc, write and commit',
  },
  {
    name: 'a dead one keeps the lock of a ring',
    file: 'pools/ring-buffer-lock.js',
    search: 'return this.#owners.actFor(holder, () => {',
    replace: 'return false && this.#owners.actFor(holder, () => {',
    operation: 'ring: alloc',
  },
  {
    name: 'unfinished records of a place are kept by the next one in it',
    file: RING,
    search: 'this.#freeLeftBy((owner) => owner === this.#owners.id);',
    replace: '',
    operation: 'ring: the first alloc of a handle, in the place of a dead one',
  },
  {
    name: 'a filler is not free',
    file: RING,
    search: 'layout.NO_SEQUENCE, layout.FREE, bytes',
    replace: 'layout.NO_SEQUENCE, layout.COMMITTED, bytes',
    operation: 'ring: alloc behind a filler',
  },
  {
    name: 'readers wait for the dead',
    file: RING,
    search: 'if (!this.#owners.isDead(state))\n                    break;',
    replace: 'break;',
    operation: 'ring: alloc, write and commit',
  },
  {
    name: 'a ring is declared to be one before its header is written',
    file: RING,
    search: 'ring.#words.fill(0, header, header + layout.HEADER_BYTES / 4);',
    replace:
      'ring.#words.fill(0, header, header + layout.HEADER_BYTES / 4); Atomics.store(ring.#words, header, layout.RING_BUFFER_MAGIC);',
    operation: 'ring: create over another ring',
  },
  {
    name: 'a level of hints that the dead one did not reach is left as it is',
    file: 'pools/fixed-pool.js',
    search: 'this.#occupancy.repair();',
    replace: '',
    operation: 'fixed: free one of all',
  },
  {
    name: 'a slice that a dead owner was freeing stays taken',
    file: 'pools/fixed-pool.js',
    search: 'this.resync(slice);',
    replace: '{}',
    operation: 'fixed: free',
  },
  {
    name: 'a metric is linked before it is written',
    file: ENTRIES,
    search: 'const link = this.#alloc(align64(nameAt + nameBytes), name);',
    replace:
      'const link = this.#alloc(align64(nameAt + nameBytes), name); Atomics.store(this.words, this.#last, link);',
    operation: 'metrics: another counter',
  },
  {
    name: 'cells are linked before they lead to those of others',
    file: ENTRIES,
    search: 'this.words[block + layout.BLOCK_NEXT] = next;',
    replace: `Atomics.store(this.words, first, made);
      this.words[block + layout.BLOCK_NEXT] = next;
      if (made > 0) return block;`,
    operation: 'metrics: the first count of one more handle',
  },
  {
    name: 'an observation is not committed before its cells change',
    file: HISTOGRAM,
    search: 'this.#advance();\n        this.#carryOut();',
    replace: 'this.#carryOut(); this.#advance();',
    operation: 'metrics: observe',
  },
  {
    name: 'an observation that was committed is not carried out for a dead one',
    file: HISTOGRAM,
    search: 'if (isCommitted(this.#words[this.#own + STEP]))\n            this.#carryOut();',
    replace: '',
    operation: 'metrics: observe',
  },
  {
    name: 'readers do not see what was committed',
    file: HISTOGRAM,
    search: 'if (isCommitted(step)) {',
    replace: 'if (false) {',
    operation: 'metrics: observe',
  },
];
