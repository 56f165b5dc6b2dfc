import type { Mutation } from './mutations.js';

const FIXED = 'pools/fixed-pool.js';
const RING = 'pools/ring-buffer.js';
const ENTRIES = 'pools/metric-entries.js';
const HISTOGRAM = 'pools/metric-histogram.js';

/** Mistakes in the pools. */
export const poolMutations: readonly Mutation[] = [
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
    file: FIXED,
    search: 'this.#occupancy.repair();\n        return freed;',
    replace: 'return freed;',
    operation: 'fixed: free one of all',
  },
  {
    name: 'a slice that a dead owner was freeing stays taken',
    file: FIXED,
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
