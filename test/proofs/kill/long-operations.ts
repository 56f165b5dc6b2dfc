import { LIFETIME_MS, letExpire, type Operation, type ProofKeys, refused } from './operation.js';
import { type LongTable, longValues, type ProofTable, proofRow, withLong } from './proof-table.js';

const ROWS = 4;
/** Blocks of a roomy heap: more than the 32 of one word of occupancy bits. */
const ROOMY = 80;
/** Two blocks more than one word has bits. */
const TIGHT = 34;
const FEED_BYTES = 65_536;

/** A row with long values in this many blocks. */
function longRow(seed: number, blocks: Parameters<typeof longValues>[1] = {}) {
  return { ...proofRow(seed), ...longValues(seed, blocks) };
}

/** Leaves this many blocks free. In a tight heap they belong to both words of bits. */
function leaveFree(table: ProofTable, free: number): void {
  const { blocks = 0, used = 0 } = table.stats().heap ?? {};
  withLong(table).set('fill-0', { image: longValues(1, { image: blocks - used - free }).image });
}

function operation(
  name: string,
  run: (table: LongTable, keys: ProofKeys, runTimers: () => void) => unknown,
  rest: Partial<Operation> = {},
): Operation {
  return {
    name,
    rows: ROWS,
    ...rest,
    table: { blocks: ROOMY, ...rest.table },
    run: (table, keys, runTimers) => run(withLong(table), keys, runTimers),
  };
}

/** Writes of values of one or several blocks that replace others. */
const writes: Operation[] = [
  operation('set, new, with long values', (table, { chain }) => table.set(chain[ROWS], longRow(40, { note: 3 }))),
  operation('set, long values for long ones', (table, { chain }) => table.set(chain[1], longRow(40, { image: 2 }))),
  operation('set, short values for long ones', (table, { chain }) =>
    table.set(chain[1], { ...proofRow(40), note: 'short', image: new Uint8Array(3), doc: null }),
  ),
  operation('set, long values for short ones', (table, { chain }) => table.set(chain[1], longRow(40, { doc: 2 })), {
    prepare: (table, { chain }) => withLong(table).set(chain[1], { note: 'short', image: new Uint8Array(), doc: 7 }),
  }),
  operation('set, one long value, others kept', (table, { chain }) =>
    table.set(chain[1], { note: longValues(41, { note: 2 }).note }),
  ),
  operation('set, one long value made short, others kept', (table, { chain }) =>
    table.set(chain[1], { image: new Uint8Array(2) }),
  ),
  operation('set, all long values kept', (table, { chain }) => table.set(chain[1], { count: 4 })),
  operation('put of one long value', (table, { chain }) =>
    table.put(chain[1], { doc: longValues(42, { doc: 2 }).doc }),
  ),
  operation('put of nothing for long values', (table, { chain }) => table.put(chain[1], {})),
  operation('insert with long values', (table, { chain }) => table.insert(chain[ROWS], longRow(43))),
  operation('insert with long values, refused', (table, { chain }) => table.insert(chain[0], longRow(43))),
  operation('update of a long value', (table, { chain }) => table.update(chain[2], { image: longValues(44).image })),
  operation('compareAndSet by a long value', (table, { chain }) =>
    table.compareAndSet(chain[1], { note: longValues(1).note, doc: longValues(1).doc }, { doc: longValues(45).doc }),
  ),
  operation('increment beside long values', (table, { chain }) => table.increment(chain[1], 'count', 2)),
  operation('increment with ttl beside long values', (table, { chain }) =>
    table.increment(chain[1], 'total', 2n, { ttl: LIFETIME_MS }),
  ),
  operation('increment with ttl beside long values, refused', (table, { chain }) =>
    refused(() => table.increment(chain[1], 'half', 65_536, { ttl: LIFETIME_MS }), 'ERR_VALUE_RANGE'),
  ),
  operation(
    'setMany with long values',
    (table, { chain }) =>
      table.setMany([
        [chain[1], { note: longValues(46).note }],
        [chain[ROWS], longRow(47)],
      ]),
    { stepwise: true },
  ),
];

const removals: Operation[] = [
  operation('delete of long values', (table, { chain }) => table.delete(chain[0])),
  operation('take of long values', (table, { chain }) => table.take(chain[2])),
  operation('compareAndDelete by a long value', (table, { chain }) =>
    table.compareAndDelete(chain[1], { note: longValues(1).note }),
  ),
  operation('clear of long values', (table) => table.clear(), { stepwise: true }),
  operation('set over an expired row with long values', (table, { chain }) => table.set(chain[1], longRow(48)), {
    stepwise: true,
    prepare: (table, { chain }) => letExpire(table, [chain[1]]),
  }),
  operation(
    'sweep of long values',
    (_table, _keys, runTimers) => {
      for (let step = 0; step < 50; step++) runTimers();
    },
    {
      stepwise: true,
      prepare: (table, { chain, others }) => {
        table.expire(chain[2], LIFETIME_MS);
        letExpire(table, [chain[1], others[0]]);
      },
    },
  ),
];

/** Little room, and blocks of two words of occupancy bits in one chain. */
const tight: Operation[] = [
  operation(
    'insert of a value over two words of bits',
    (table, { chain }) => table.insert(chain[1], { image: longValues(50, { image: 5 }).image }),
    {
      rows: 1,
      table: { blocks: TIGHT },
      prepare: (table) => leaveFree(table, 5),
    },
  ),
  operation(
    'set of short for a value over two words of bits',
    (table, { chain }) => table.set(chain[1], { image: new Uint8Array(1) }),
    {
      rows: 1,
      table: { blocks: TIGHT },
      prepare: (table, { chain }) => {
        leaveFree(table, 5);
        withLong(table).set(chain[1], { image: longValues(50, { image: 5 }).image });
      },
    },
  ),
  operation('delete of a value over two words of bits', (table, { chain }) => table.delete(chain[1]), {
    rows: 1,
    table: { blocks: TIGHT },
    prepare: (table, { chain }) => {
      leaveFree(table, 5);
      withLong(table).set(chain[1], { image: longValues(50, { image: 5 }).image });
    },
  }),
  operation(
    'set in a full heap, refused',
    (table, { chain }) => refused(() => table.set(chain[0], longRow(51, { image: 2 })), 'ERR_TABLE_FULL'),
    { rows: 1, table: { blocks: TIGHT }, prepare: (table) => leaveFree(table, 3) },
  ),
  operation(
    'set in a full heap, where rows have expired',
    (table, { chain }) => table.set(chain[0], longRow(52, { image: 2 })),
    {
      rows: 1,
      stepwise: true,
      table: { blocks: TIGHT },
      prepare: (table, { others }) => {
        leaveFree(table, 3);
        letExpire(table, [others[0], others[1]]);
      },
    },
  ),
  operation('set in a full heap that evicts', (table, { chain }) => table.set(chain[0], longRow(53, { image: 2 })), {
    rows: 1,
    stepwise: true,
    table: { blocks: TIGHT, evict: 'lru' },
    prepare: (table) => leaveFree(table, 3),
  }),
];

/** One change of each kind, published. */
const withFeed: Operation[] = [writes[1], writes[4], removals[0]].map((operation) => ({
  ...operation,
  name: `${operation.name}, with a change feed`,
  table: { ...operation.table, changes: FEED_BYTES },
}));

/** Operations on values that are too long for their rows. */
export const longOperations: readonly Operation[] = [...writes, ...removals, ...tight, ...withFeed];
