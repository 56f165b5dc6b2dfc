import { type Instruction, isPossible, type Program, type Registers } from './arm64-model.js';

/*
 * The steps of the protocol, each as a short program of arm64 instructions: what JavaScript's plain accesses and
 * `Atomics` become there. Each names an outcome that must be impossible, and the orders without which it is possible.
 * The table in docs/design.md ("Memory order") has the same rows.
 */

const load = (register: string, location: string, ...address: string[]): Instruction => ({
  kind: 'load',
  register,
  location,
  acquires: false,
  address,
});
const store = (location: string, value: number): Instruction => ({ kind: 'store', location, value, releases: false });
/** `Atomics.load`, `loadAcquire`. */
const loadAcquire = (register: string, location: string, ...address: string[]): Instruction => ({
  ...load(register, location, ...address),
  kind: 'load',
  register,
  location,
  address,
  acquires: true,
});
/** `Atomics.store`, `storeRelease`. */
const storeRelease = (location: string, value: number): Instruction => ({
  kind: 'store',
  location,
  value,
  releases: true,
});
/** `Atomics.exchange`, `or`, `and`, `add`. */
const exchange = (register: string, location: string, value: number): Instruction => ({
  kind: 'change',
  register,
  location,
  expected: undefined,
  value,
});
const compareExchange = (register: string, location: string, expected: number, value: number): Instruction => ({
  kind: 'change',
  register,
  location,
  expected,
  value,
});
/** A barrier of the kernel, in a system call. */
const barrier: Instruction = { kind: 'barrier' };

let scraps = 0;
/** `fence`: a store and a load of memory that no other thread has. */
const fence = (): Instruction[] => {
  const scrap = `scrap${scraps++}`;
  return [storeRelease(scrap, 0), loadAcquire(scrap, scrap)];
};
/** `loadAfter`: the same with the load that is to come after all others. */
const loadAfter = (register: string, location: string): Instruction[] => [
  storeRelease(`scrap${scraps++}`, 0),
  loadAcquire(register, location),
];

/** Whether this order is in the program. */
type With = (order: string) => boolean;

export interface Step {
  readonly name: string;
  readonly start: Readonly<Record<string, number>>;
  /** The threads of the program, from which the orders are left out for which the function returns false. */
  readonly threads: (has: With) => Instruction[][];
  /** The outcome that must not occur, by registers and by the final values of locations. */
  readonly never: (registers: Registers, end: Registers) => boolean;
  /** Each must be necessary. */
  readonly orders: readonly string[];
}

const publishes = (has: With, order: string, location: string, value: number): Instruction =>
  has(order) ? storeRelease(location, value) : store(location, value);
const begins = (has: With, order: string, register: string, location: string): Instruction =>
  has(order) ? loadAcquire(register, location) : load(register, location);
const checks = (has: With, order: string, register: string, location: string): Instruction[] =>
  has(order) ? loadAfter(register, location) : [loadAcquire(register, location)];
const separated = (has: With, order: string): Instruction[] => (has(order) ? fence() : []);

export const steps: readonly Step[] = [
  {
    name: 'a fence separates all accesses before it from all after it',
    start: {},
    threads: (has) => [
      [store('a', 1), ...separated(has, 'fence'), load('x', 'b')],
      [store('b', 1), ...separated(has, 'fence of the other'), load('y', 'a')],
    ],
    never: ({ x, y }) => x === 0 && y === 0,
    orders: ['fence', 'fence of the other'],
  },
  {
    name: 'an atomic change does not separate plain stores before it from those after it; a fence does',
    start: {},
    threads: (has) => [
      [store('a', 1), exchange('lock', 'lock', 1), ...separated(has, 'fence'), store('b', 1)],
      [loadAcquire('b', 'b'), loadAcquire('a', 'a')],
    ],
    never: ({ a, b }) => b === 1 && a === 0,
    orders: ['fence'],
  },
  {
    name: 'lookup: a new row is complete when its entry is seen',
    start: { entry: 1, key: 1, column: 1 },
    threads: (has) => [
      [store('key', 2), store('column', 2), publishes(has, 'entry is a release store', 'entry', 2)],
      [
        load('entry', 'entry'),
        ...(has('address depends on the entry')
          ? [load('key', 'key', 'entry'), load('column', 'column', 'entry')]
          : [load('key', 'key'), load('column', 'column')]),
      ],
    ],
    never: ({ entry, key, column }) => entry === 2 && (key === 1 || column === 1),
    orders: ['entry is a release store', 'address depends on the entry'],
  },
  {
    name: 'lookup: a row that is found at an unchanged version was not recycled',
    start: { entry: 1, row: 1, lock: 1 },
    threads: (has) => [
      [
        storeRelease('entry', 2),
        publishes(has, 'version is a release store', 'version', 1),
        ...(has('lock is released before the row is written') ? [exchange('lock', 'lock', 0)] : []),
        store('row', 2),
      ],
      [
        begins(has, 'first load of the version is an acquire', 'before', 'version'),
        load('entry', 'entry'),
        load('row', 'row', 'entry'),
        ...checks(has, 'second load of the version comes after the others', 'after', 'version'),
      ],
    ],
    never: ({ before, after, entry, row }) => before === after && entry === 1 && row === 2,
    orders: [
      'version is a release store',
      'lock is released before the row is written',
      'first load of the version is an acquire',
      'second load of the version comes after the others',
    ],
  },
  {
    name: 'lookup: the same when another participant has taken the row from the pool',
    start: { entry: 1, row: 1, owner: 5 },
    threads: (has) => [
      [storeRelease('entry', 2), storeRelease('version', 1), ...freeing(has, 'owner', 5)],
      [compareExchange('taken', 'owner', 0, 6), store('row', 2)],
      [
        loadAcquire('before', 'version'),
        load('entry', 'entry'),
        load('row', 'row', 'entry'),
        ...loadAfter('after', 'version'),
      ],
    ],
    never: ({ before, after, entry, row, taken }) => taken === 0 && before === after && entry === 1 && row === 2,
    orders: ['slice is freed by an atomic change'],
  },
  {
    name: 'lookup: what a thread looks up next is looked up after it',
    start: { row: 1, tag: 1 },
    threads: (has) => [
      [publishes(has, 'entries are release stores', 'row', 2), publishes(has, 'entries are release stores', 'tag', 2)],
      [
        load('tag', 'tag'),
        ...separated(has, 'fence at the end of a lookup'),
        begins(has, 'lookups begin with an acquire', 'version', 'version'),
        load('row', 'row'),
      ],
    ],
    never: ({ tag, row }) => tag === 2 && row === 1,
    orders: ['entries are release stores', 'fence at the end of a lookup'],
  },
  {
    name: 'insert: a bucket that is appended to a chain is empty, or has its row',
    start: { first: 9 },
    threads: (has) => [
      [store('first', 0), publishes(has, 'link is a release store', 'link', 7), storeRelease('first', 3)],
      [
        load('link', 'link'),
        has('address depends on the link') ? load('first', 'first', 'link') : load('first', 'first'),
      ],
    ],
    never: ({ link, first }) => link === 7 && first === 9,
    orders: ['link is a release store', 'address depends on the link'],
  },
  {
    name: 'remove: the row that moves is found in one of its places at an unchanged version',
    start: { place: 1, tag: 1, source: 2 },
    threads: (has) => [
      [
        storeRelease('place', 2),
        storeRelease('tag', 2),
        publishes(has, 'version between the two stores is a release store', 'version', 1),
        publishes(has, 'old place is emptied by a release store', 'source', 0),
        storeRelease('version', 2),
      ],
      [
        loadAcquire('before', 'version'),
        load('tag', 'tag'),
        load('place', 'place'),
        load('source', 'source'),
        ...checks(has, 'second load of the version comes after the others', 'after', 'version'),
      ],
    ],
    never: ({ before, after, tag, place, source }) => before === after && (tag !== 2 || place !== 2) && source !== 2,
    orders: [
      'version between the two stores is a release store',
      'old place is emptied by a release store',
      'second load of the version comes after the others',
    ],
  },
  {
    name: 'remove: the row that moves is found in one of its places, from the tail to the head',
    start: { place: 1, tag: 1, source: 2 },
    threads: (has) => [
      [
        storeRelease('place', 2),
        storeRelease('tag', 2),
        publishes(has, 'old place is emptied by a release store', 'source', 0),
      ],
      [
        begins(has, 'entries are loaded by acquires', 'source', 'source'),
        load('tag', 'tag'),
        loadAcquire('place', 'place'),
      ],
    ],
    never: ({ tag, place, source }) => source === 0 && (place !== 2 || tag !== 2),
    orders: ['old place is emptied by a release store', 'entries are loaded by acquires'],
  },
  {
    name: 'remove: a row that a lookup missed by its tag is not found afterwards',
    start: { place: 1, tag: 1 },
    threads: (has) => [
      [storeRelease('place', 2), publishes(has, 'tag is a release store', 'tag', 2)],
      [load('tag', 'tag'), ...loadAfter('version', 'version'), load('place', 'place')],
    ],
    never: ({ tag, place }) => tag === 2 && place === 1,
    orders: ['tag is a release store'],
  },
  {
    name: 'row by row: what was copied is the row of that sequence, when the entry still holds it',
    start: { entry: 1, row: 1, text: 1, lock: 5 },
    threads: (has) => [
      [
        storeRelease('entry', 2),
        storeRelease('version', 1),
        ...(has('lock is released before the row is written') ? [exchange('unlock', 'lock', 0)] : []),
        storeRelease('sequence', 1),
        store('row', 2),
        store('text', 2),
        publishes(has, 'row is finished by a release store', 'sequence', 2),
        storeRelease('entry', 1),
      ],
      [
        loadAcquire('linked', 'entry'),
        begins(has, 'sequence is loaded by an acquire', 'before', 'sequence'),
        load('row', 'row'),
        load('text', 'text'),
        ...checks(has, 'entry is checked after the copy', 'still', 'entry'),
        ...(has('sequence is checked') ? [loadAcquire('after', 'sequence')] : []),
      ],
    ],
    never: ({ linked, still, before, after = before, row, text }) =>
      linked === 1 && still === 1 && before === after && before % 2 === 0 && (row !== 1 + before / 2 || text !== row),
    orders: [
      'lock is released before the row is written',
      'row is finished by a release store',
      'sequence is loaded by an acquire',
      'entry is checked after the copy',
      'sequence is checked',
    ],
  },
  {
    name: 'change in place: numbers read at one revision are at most one change ahead of it',
    start: { lock: 5 },
    threads: (has) => [
      [
        store('first', 1),
        publishes(has, 'revision is a release store', 'revision', 1),
        storeRelease('version', 1),
        exchange('unlock', 'lock', 0),
        compareExchange('lock', 'lock', 0, 5),
        store('second', 1),
        storeRelease('revision', 2),
      ],
      [
        begins(has, 'revision is loaded by an acquire', 'before', 'revision'),
        load('second', 'second'),
        load('first', 'first'),
        ...checks(has, 'revision is checked after the numbers', 'after', 'revision'),
      ],
    ],
    never: ({ before, after, first, second }) =>
      before === after &&
      ((before === 0 && second === 1) || (before >= 1 && first === 0) || (before === 2 && second === 0)),
    orders: [
      'revision is a release store',
      'revision is loaded by an acquire',
      'revision is checked after the numbers',
    ],
  },
  {
    name: 'lock: a participant sees what the one before it stored, and only one has it',
    start: {},
    threads: (has) => [
      [
        compareExchange('a', 'lock', 0, 5),
        store('row', 1),
        has('lock is released by an atomic change') ? exchange('unlock', 'lock', 0) : store('lock', 0),
      ],
      [compareExchange('b', 'lock', 0, 6), load('row', 'row')],
    ],
    never: ({ a, b, row }, { lock }) => a === 0 && b === 0 && lock === 6 && row === 0,
    orders: ['lock is released by an atomic change'],
  },
  {
    name: 'lock: the journal names the bucket before the lock names the participant',
    start: {},
    threads: (has) => [
      [
        store('journal', 1),
        has('lock is taken by an atomic change') ? compareExchange('taken', 'lock', 0, 5) : store('lock', 5),
      ],
      [loadAcquire('held', 'lock'), load('journal', 'journal')],
    ],
    never: ({ held, journal }) => held === 5 && journal === 0,
    orders: ['lock is taken by an atomic change'],
  },
  {
    name: 'altering: either a writer sees that the table is frozen, or the alterer sees its lock',
    start: {},
    threads: (has) => [
      [
        has('lock is taken by an atomic change') ? compareExchange('taken', 'lock', 0, 5) : store('lock', 5),
        begins(has, 'state is loaded by an acquire', 'state', 'state'),
      ],
      [
        has('state changes by an atomic change') ? compareExchange('frozen', 'state', 0, 3) : store('state', 3),
        begins(has, 'lock is loaded by an acquire', 'held', 'lock'),
      ],
    ],
    never: ({ state, held }) => state === 0 && held === 0,
    orders: [
      'lock is taken by an atomic change',
      'state is loaded by an acquire',
      'state changes by an atomic change',
      'lock is loaded by an acquire',
    ],
  },
  {
    name: 'altering: who copies a bucket that is unlocked and frozen sees all its rows',
    start: { lock: 5 },
    threads: (has) => [
      [
        storeRelease('entry', 1),
        has('lock is released by an atomic change') ? exchange('unlock', 'lock', 0) : store('lock', 0),
      ],
      [begins(has, 'lock is loaded by an acquire', 'held', 'lock'), load('entry', 'entry')],
    ],
    never: ({ held, entry }) => held === 0 && entry === 0,
    orders: ['lock is released by an atomic change', 'lock is loaded by an acquire'],
  },
  {
    name: 'pool: who takes a slice sees it freed, and nobody uses it any more',
    start: { owner: 5, slice: 1 },
    threads: (has) => [
      [load('seen', 'slice'), store('slice', 2), ...freeing(has, 'owner', 5)],
      [compareExchange('taken', 'owner', 0, 6), load('found', 'slice'), store('slice', 3)],
    ],
    never: ({ taken, seen, found }, { slice }) => taken === 0 && (seen === 3 || found === 1 || slice === 2),
    orders: ['slice is freed by an atomic change'],
  },
  {
    name: 'pool: the last one to write a hint has seen the owner',
    start: { owner: 5, hint: 1 },
    threads: (has) => [
      [
        compareExchange('free', 'owner', 5, 0),
        has('hints are changed by atomic changes') ? exchange('cleared', 'hint', 0) : store('hint', 0),
        load('x', 'owner'),
      ],
      [
        compareExchange('taken', 'owner', 0, 6),
        has('hints are changed by atomic changes') ? exchange('set', 'hint', 1) : store('hint', 1),
        load('y', 'owner'),
      ],
    ],
    // The first one finds its hint right, and it is wrong.
    never: ({ taken, x }, { hint }) => taken === 0 && hint === 0 && x === 0,
    orders: ['hints are changed by atomic changes'],
  },
  {
    name: 'heap: the link of a block is read before the block is free',
    start: { owner: 5, next: 1 },
    threads: (has) => [
      [load('next', 'next'), publishes(has, 'block is freed by a release store', 'owner', 0)],
      [compareExchange('taken', 'owner', 0, 6), store('next', 2)],
    ],
    never: ({ taken, next }) => taken === 0 && next === 2,
    orders: ['block is freed by a release store'],
  },
  {
    name: 'heap: blocks are freed after the version has advanced',
    start: { entry: 1, owner: 5, block: 1 },
    threads: (has) => [
      [
        storeRelease('entry', 2),
        storeRelease('version', 1),
        publishes(has, 'block is freed by a release store', 'owner', 0),
      ],
      [compareExchange('taken', 'owner', 0, 6), store('block', 2)],
      [
        loadAcquire('before', 'version'),
        load('entry', 'entry'),
        load('block', 'block', 'entry'),
        ...checks(has, 'second load of the version comes after the others', 'after', 'version'),
      ],
    ],
    never: ({ taken, before, after, entry, block }) => taken === 0 && before === after && entry === 1 && block === 2,
    orders: ['block is freed by a release store', 'second load of the version comes after the others'],
  },
  {
    name: 'expiry: a pass that finds a bucket unlocked and without the row has not discarded its announcement',
    start: { pass: 5 },
    threads: (has) => [
      [
        compareExchange('taken', 'lock', 0, 5),
        ...separated(has, 'fence between lock and announcement'),
        // Low enough: nothing is stored.
        load('announced', 'pass'),
        storeRelease('entry', 1),
        exchange('unlock', 'lock', 0),
      ],
      [
        publishes(has, 'pass is cleared by a release store', 'pass', 0),
        loadAcquire('lock', 'lock'),
        load('entry', 'entry'),
      ],
    ],
    never: ({ announced, lock, entry }) => announced === 5 && lock === 0 && entry === 0,
    orders: ['fence between lock and announcement', 'pass is cleared by a release store'],
  },
  {
    name: 'expiry: a group is due by one of its moments throughout',
    start: { pass: 5, due: 10 },
    threads: (has) => [
      [exchange('lowered', 'due', 5), publishes(has, 'pass is cleared by a release store', 'pass', 0)],
      [load('pass', 'pass'), ...separated(has, 'fence between the moments'), load('due', 'due')],
    ],
    never: ({ pass, due }) => pass === 0 && due === 10,
    orders: ['pass is cleared by a release store', 'fence between the moments'],
  },
  {
    name: 'feed: a cell that is read as one change contains that change',
    start: { claim: 1, change: 1 },
    threads: (has) => [
      [
        compareExchange('claimed', 'claim', 1, 2),
        ...(has('claim is loaded before the cell is written') ? [loadAcquire('held', 'claim')] : []),
        store('change', 3),
        has('cell is published by an atomic change') ? compareExchange('done', 'claim', 2, 3) : store('claim', 3),
      ],
      [
        begins(has, 'claim is loaded by an acquire', 'before', 'claim'),
        load('change', 'change'),
        ...checks(has, 'claim is checked after the cell', 'after', 'claim'),
      ],
    ],
    never: ({ before, after, change }) => before === after && before !== 2 && change !== before,
    orders: [
      'claim is loaded before the cell is written',
      'cell is published by an atomic change',
      'claim is loaded by an acquire',
      'claim is checked after the cell',
    ],
  },
  {
    name: 'watch: a watcher that sleeps is woken',
    start: {},
    threads: (has) => [
      [exchange('advanced', 'word', 1), begins(has, 'mark is loaded by an acquire', 'mark', 'mark')],
      [
        storeRelease('mark', 1),
        ...(has('barrier of the kernel before it checks the word') ? [barrier] : []),
        load('word', 'word'),
      ],
    ],
    never: ({ mark, word }) => mark === 0 && word === 0,
    orders: ['mark is loaded by an acquire', 'barrier of the kernel before it checks the word'],
  },
  {
    name: 'watch: a watcher that sees the word sees the change',
    start: {},
    threads: (has) => [
      [
        storeRelease('claim', 3),
        has('word is advanced by an atomic change') ? exchange('word', 'word', 1) : store('word', 1),
      ],
      [begins(has, 'word is loaded by an acquire', 'seen', 'word'), loadAcquire('claim', 'claim')],
    ],
    never: ({ seen, claim }) => seen === 1 && claim === 0,
    orders: ['word is advanced by an atomic change', 'word is loaded by an acquire'],
  },
  {
    name: 'ring: a header that the tail has not passed is that of the record',
    start: { header: 1 },
    threads: (has) => [
      [storeRelease('tail', 1), ...separated(has, 'fence before a header is written'), store('header', 2)],
      [load('header', 'header'), ...checks(has, 'tail is loaded after the header', 'tail', 'tail')],
    ],
    never: ({ header, tail }) => header === 2 && tail === 0,
    orders: ['fence before a header is written', 'tail is loaded after the header'],
  },
  {
    name: 'ring: a payload that is read between two reads of its record is that of the record',
    start: { payload: 1, lock: 5 },
    threads: (has) => [
      [
        storeRelease('tail', 1),
        ...(has('lock is released before the payload is written') ? [exchange('unlock', 'lock', 0)] : []),
        store('payload', 2),
      ],
      [load('payload', 'payload'), ...checks(has, 'tail is loaded after the payload', 'tail', 'tail')],
    ],
    never: ({ payload, tail }) => payload === 2 && tail === 0,
    orders: ['lock is released before the payload is written', 'tail is loaded after the payload'],
  },
  {
    name: 'ring: a committed record is complete',
    start: {},
    threads: (has) => [
      [
        storeRelease('state', 5),
        storeRelease('head', 1),
        store('payload', 1),
        has('record is committed by an atomic change') ? compareExchange('own', 'state', 5, 9) : store('state', 9),
      ],
      [begins(has, 'state is loaded by an acquire', 'state', 'state'), load('payload', 'payload')],
    ],
    never: ({ state, payload }) => state === 9 && payload === 0,
    orders: ['record is committed by an atomic change', 'state is loaded by an acquire'],
  },
  {
    name: 'ring: a record is overwritten after who freed it has read it',
    start: { state: 9, payload: 1 },
    threads: (has) => [
      [
        load('payload', 'payload'),
        has('record is freed by an atomic change') ? compareExchange('before', 'state', 9, 1) : store('state', 1),
      ],
      [begins(has, 'state is loaded by an acquire', 'state', 'state'), store('payload', 2)],
    ],
    never: ({ state, payload }) => state === 1 && payload === 2,
    orders: ['record is freed by an atomic change', 'state is loaded by an acquire'],
  },
  {
    name: 'histogram: counts and sum that are read at one step belong together',
    start: { step: 1, next: 1 },
    threads: (has) => [
      [
        // The second observation: the first is committed, and carried out here.
        store('count', 1),
        store('sum', 1),
        publishes(has, 'step is a release store', 'step', 2),
        ...separated(has, 'fence after an observation'),
        store('next', 2),
        storeRelease('step', 3),
        ...separated(has, 'fence after a commit'),
        store('count', 2),
      ],
      [
        begins(has, 'step is loaded by an acquire', 'before', 'step'),
        load('sum', 'sum'),
        load('count', 'count'),
        load('next', 'next'),
        ...checks(has, 'step is checked after the numbers', 'after', 'step'),
      ],
    ],
    never: ({ before, after, count, sum, next }) =>
      before === after &&
      ((before === 1 && next !== 1) || (before === 2 && (count !== 1 || sum !== 1)) || (before === 3 && next !== 2)),
    orders: [
      'step is a release store',
      'fence after an observation',
      'fence after a commit',
      'step is loaded by an acquire',
      'step is checked after the numbers',
    ],
  },
  {
    name: 'lists of metrics: an entry is complete when it is linked, and so are those behind it',
    start: {},
    threads: (has) => [
      [
        store('name', 1),
        has('entry is linked by an atomic change') ? compareExchange('a', 'first', 0, 1) : store('first', 1),
      ],
      [begins(has, 'link is loaded by an acquire', 'next', 'first'), compareExchange('b', 'first', 1, 2)],
      [loadAcquire('first', 'first'), load('name', 'name')],
    ],
    never: ({ next, b, first, name }) => next === 1 && b === 1 && first === 2 && name === 0,
    orders: ['entry is linked by an atomic change'],
  },
  {
    name: 'cache: the value is there when the lease has ended',
    start: { lease: 1 },
    threads: (has) => [
      [
        publishes(has, 'entries are release stores', 'value', 1),
        publishes(has, 'entries are release stores', 'lease', 0),
      ],
      [
        load('lease', 'lease'),
        ...(has('lookups end with a load after all others') ? loadAfter('version', 'version') : []),
        load('value', 'value'),
      ],
    ],
    never: ({ lease, value }) => lease === 0 && value === 0,
    orders: ['entries are release stores', 'lookups end with a load after all others'],
  },
  {
    name: 'cache: of two handles that write one key and look for the other one, one sees the other',
    start: {},
    threads: (has) => [
      [
        publishes(has, 'entries are release stores', 'value', 1),
        loadAcquire('a', 'leaseVersion'),
        load('lease', 'lease'),
      ],
      [
        storeRelease('lease', 1),
        begins(has, 'lookups begin with an acquire', 'b', 'valueVersion'),
        load('value', 'value'),
      ],
    ],
    never: ({ lease, value }) => lease === 0 && value === 0,
    orders: ['entries are release stores', 'lookups begin with an acquire'],
  },
  {
    name: 'pools: who sees the magic number sees the sizes',
    start: {},
    threads: (has) => [
      [store('slices', 7), publishes(has, 'magic number is a release store', 'magic', 1)],
      has('sizes are loaded after the magic number')
        ? [loadAcquire('magic', 'magic'), load('slices', 'slices')]
        : [load('slices', 'slices'), loadAcquire('magic', 'magic')],
    ],
    never: ({ magic, slices }) => magic === 1 && slices === 0,
    orders: ['magic number is a release store', 'sizes are loaded after the magic number'],
  },
  {
    name: 'owners of caches: who sees a life sees the process that it is in',
    start: { life: 1, pid: 1 },
    threads: (has) => [
      [store('pid', 2), publishes(has, 'life is a release store', 'life', 2)],
      [begins(has, 'life is loaded by an acquire', 'life', 'life'), load('pid', 'pid')],
    ],
    never: ({ life, pid }) => life === 2 && pid === 1,
    orders: ['life is a release store', 'life is loaded by an acquire'],
  },
];

function freeing(has: With, owner: string, id: number): Instruction[] {
  return [has('slice is freed by an atomic change') ? compareExchange('freed', owner, id, 0) : store(owner, 0)];
}

/** What differs from what must be: the outcome is possible, or still impossible without one of the orders. */
export function problemsOf({ name, start, threads, never, orders }: Step): string[] {
  const program = (without?: string): Program => ({ start, threads: threads((order) => order !== without) });
  const problems: string[] = [];
  if (isPossible(program(), never)) problems.push(`"${name}" does not hold on arm64`);
  for (const order of orders) {
    if (!isPossible(program(order), never)) problems.push(`"${name}" holds without "${order}"`);
  }
  return problems;
}
