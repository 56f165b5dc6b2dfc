import type { Mutation } from './mutations.js';

const FIXED = 'pools/fixed-pool.js';
const RING = 'pools/ring-buffer.js';
const ENTRIES = 'pools/metric-entries.js';
const HISTOGRAM = 'pools/metric-histogram.js';

/** Mutations of the pools. */
export const poolMutations: readonly Mutation[] = [
  {
    name: 'the head moves past a record before its header is written',
    file: RING,
    search: 'records.write(position, records.takeSequence(), this.#owners.id, bytes);',
    replace:
      'records.moveHead(records.behind(position, bytes)); records.write(position, records.takeSequence(), this.#owners.id, bytes);',
    operation: 'ring: alloc',
  },
  {
    name: 'the sequence advances after the head has moved past the record',
    file: RING,
    search:
      'records.write(position, records.takeSequence(), this.#owners.id, bytes);\n        records.moveHead(records.behind(position, bytes));',
    replace:
      'const numbers = new Float64Array(this.#words.buffer, this.#offset); records.write(position, numbers[layout.HEADER_SEQUENCE], this.#owners.id, bytes); records.moveHead(records.behind(position, bytes)); records.takeSequence();',
    operation: 'ring: alloc, write and commit',
  },
  {
    name: 'the lock of a ring is not taken from a dead holder',
    file: 'pools/ring-buffer-lock.js',
    search: 'return this.#owners.actFor(holder, () => {',
    replace: 'return false && this.#owners.actFor(holder, () => {',
    operation: 'ring: alloc',
  },
  {
    name: 'a new handle keeps the unfinished records of the dead handle with its id',
    file: RING,
    search: 'this.#freeLeftBy((owner) => owner === this.#owners.id);',
    replace: '',
    operation: 'ring: the first alloc of a handle with the id of a dead one',
  },
  {
    name: 'a filler is not free',
    file: RING,
    search: 'layout.NO_SEQUENCE, layout.FREE, bytes',
    replace: 'layout.NO_SEQUENCE, layout.COMMITTED, bytes',
    operation: 'ring: alloc behind a filler',
  },
  {
    name: 'readers wait for dead producers',
    file: RING,
    search: 'if (!this.#owners.isDead(state))\n                    break;',
    replace: 'break;',
    operation: 'ring: alloc, write and commit',
  },
  {
    name: 'the magic number of a ring is written before its header',
    file: RING,
    search: 'ring.#words.fill(0, header, header + layout.HEADER_BYTES / 4);',
    replace:
      'ring.#words.fill(0, header, header + layout.HEADER_BYTES / 4); Atomics.store(ring.#words, header, layout.RING_BUFFER_MAGIC);',
    operation: 'ring: create over another ring',
  },
  {
    name: 'levels of hints that a dead process did not reach are not corrected',
    file: FIXED,
    search: 'this.#occupancy.repair();\n        return freed;',
    replace: 'return freed;',
    operation: 'fixed: free one of all',
  },
  {
    name: 'a slice that a dead owner was freeing is not freed',
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
    name: 'a block is linked before it refers to the next one',
    file: ENTRIES,
    search: 'this.words[block + layout.BLOCK_NEXT] = next;',
    replace: `Atomics.store(this.words, first, made);
      this.words[block + layout.BLOCK_NEXT] = next;
      if (made > 0) return block;`,
    operation: 'metrics: the first count of a new handle',
  },
  {
    name: 'an observation is carried out before it is committed',
    file: HISTOGRAM,
    search: 'this.#advance();\n        this.#carryOut();',
    replace: 'this.#carryOut(); this.#advance();',
    operation: 'metrics: observe',
  },
  {
    name: 'a committed observation of a dead process is not completed',
    file: HISTOGRAM,
    search: 'if (isCommitted(this.#words[this.#own + STEP]))\n            this.#carryOut();',
    replace: '',
    operation: 'metrics: observe',
  },
  {
    name: 'readers do not see a committed observation',
    file: HISTOGRAM,
    search: 'if (isCommitted(step)) {',
    replace: 'if (false) {',
    operation: 'metrics: observe',
  },
];
