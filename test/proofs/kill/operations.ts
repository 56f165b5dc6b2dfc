import { longOperations } from './long-operations.js';
import { LIFETIME_MS, letExpire, type Operation, refused } from './operation.js';
import { type ProofTable, proofRow } from './proof-table.js';

const ROWS_AT_HOME = 10;
const [SPARSE, FULL_BUCKET, ONE_OVER, HALF_OVER, TWO_OVER] = [4, ROWS_AT_HOME, ROWS_AT_HOME + 1, 15, 21];
/** Enough for every change of a proof. */
const FEED_BYTES = 65_536;
const LAST_VERSION = 0xffffffff;

function fill(table: ProofTable): void {
  for (let i = 0; table.size < table.capacity; i++) table.insert(`fill-${i}`, { count: i });
}

/** Removals of a row at each place of its chain, from chains of all shapes. */
function removals(): Operation[] {
  const places = [
    ['the only row', 1, 0],
    ['head', SPARSE, 0],
    ['middle', SPARSE, 2],
    ['tail', SPARSE, SPARSE - 1],
    ['head, with one row in the overflow bucket', ONE_OVER, 0],
    ['tail, alone in the overflow bucket', ONE_OVER, ONE_OVER - 1],
    ['head, with some rows in the overflow bucket', HALF_OVER, 0],
    ['middle of the overflow bucket', HALF_OVER, 12],
    ['tail of the overflow bucket', HALF_OVER, HALF_OVER - 1],
    ['head, with two overflow buckets', TWO_OVER, 0],
    ['first overflow bucket of two', TWO_OVER, 14],
    ['tail, alone in the second overflow bucket', TWO_OVER, TWO_OVER - 1],
  ] as const;
  return places.map(([place, rows, index]) => ({
    name: `delete ${place}`,
    rows,
    run: (table, { chain }) => table.delete(chain[index]),
  }));
}

/** Changes of one number in place, of every width. */
function increments(): Operation[] {
  return (['tiny', 'half', 'count', 'total', 'ratio'] as const).map((column) => ({
    name: `increment ${column} in place`,
    rows: SPARSE,
    run: (table, { chain }) => table.increment(chain[1], column, 2),
  }));
}

const writes: Operation[] = [
  { name: 'set, new', rows: SPARSE, run: (table, { chain }) => table.set(chain[SPARSE], proofRow(40)) },
  { name: 'set, first row of its bucket', rows: 0, run: (table, { chain }) => table.set(chain[0], proofRow(40)) },
  { name: 'set, existing', rows: SPARSE, run: (table, { chain }) => table.set(chain[1], proofRow(40)) },
  {
    name: 'set, some columns',
    rows: SPARSE,
    run: (table, { chain }) => table.set(chain[1], { name: 'new', total: 4n }),
  },
  {
    name: 'set, in an overflow bucket',
    rows: HALF_OVER,
    run: (table, { chain }) => table.set(chain[12], proofRow(40)),
  },
  { name: 'put', rows: SPARSE, run: (table, { chain }) => table.put(chain[2], { name: 'only this' }) },
  { name: 'insert', rows: SPARSE, run: (table, { chain }) => table.insert(chain[SPARSE], proofRow(41)) },
  {
    name: 'insert that appends an overflow bucket',
    rows: FULL_BUCKET,
    run: (table, { chain }) => table.insert(chain[FULL_BUCKET], proofRow(41)),
  },
  {
    name: 'insert that appends a second overflow bucket',
    rows: 20,
    run: (table, { chain }) => table.insert(chain[20], proofRow(41)),
  },
  {
    name: 'insert in an overflow bucket',
    rows: HALF_OVER,
    run: (table, { chain }) => table.insert(chain[HALF_OVER], proofRow(41)),
  },
  { name: 'insert, refused', rows: SPARSE, run: (table, { chain }) => table.insert(chain[0], proofRow(41)) },
  { name: 'update', rows: SPARSE, run: (table, { chain }) => table.update(chain[3], { count: 4 }) },
  { name: 'update, refused', rows: SPARSE, run: (table, { chain }) => table.update(chain[SPARSE], { count: 4 }) },
  { name: 'delete, refused', rows: SPARSE, run: (table, { chain }) => table.delete(chain[SPARSE]) },
  { name: 'take', rows: HALF_OVER, run: (table, { chain }) => table.take(chain[3]) },
  {
    name: 'increment that creates',
    rows: SPARSE,
    run: (table, { chain }) => table.increment(chain[SPARSE], 'total', 5n),
  },
  {
    name: 'increment, refused',
    rows: SPARSE,
    run: (table, { chain }) => refused(() => table.increment(chain[1], 'half', 65_536), 'ERR_VALUE_RANGE'),
  },
  {
    name: 'compareAndSet by value',
    rows: SPARSE,
    run: (table, { chain }) => table.compareAndSet(chain[1], { count: proofRow(1).count }, { name: 'found' }),
  },
  {
    name: 'compareAndSet by revision',
    rows: SPARSE,
    run: (table, { chain }) => {
      const revision = table.entry(chain[1])?.revision ?? 0;
      return table.compareAndSet(chain[1], { revision }, { name: 'found' });
    },
  },
  {
    name: 'compareAndSet, refused',
    rows: SPARSE,
    run: (table, { chain }) => table.compareAndSet(chain[1], { revision: 1 }, { name: 'found' }),
  },
  {
    name: 'compareAndDelete',
    rows: SPARSE,
    run: (table, { chain }) => table.compareAndDelete(chain[1], { count: proofRow(1).count }),
  },
  {
    name: 'modify',
    rows: SPARSE,
    run: (table, { chain }) => table.modify(chain[1], (row) => ({ count: (row?.count ?? 0) + 1 })),
  },
  {
    name: 'setMany',
    rows: FULL_BUCKET,
    stepwise: true,
    run: (table, { chain }) =>
      table.setMany([
        [chain[1], { count: 4 }],
        [chain[FULL_BUCKET], proofRow(44)],
      ]),
  },
  {
    name: 'deleteMany',
    rows: ONE_OVER,
    stepwise: true,
    run: (table, { chain }) => table.deleteMany(chain.slice(0, 3)),
  },
  { name: 'clear', rows: ONE_OVER, stepwise: true, run: (table) => table.clear() },
];

const expiries: Operation[] = [
  { name: 'expire', rows: SPARSE, run: (table, { chain }) => table.expire(chain[1], LIFETIME_MS) },
  {
    name: 'expire, none',
    rows: SPARSE,
    prepare: (table, { chain }) => table.expire(chain[1], LIFETIME_MS),
    run: (table, { chain }) => table.expire(chain[1], null),
  },
  {
    name: 'set with a lifetime',
    rows: SPARSE,
    run: (table, { chain }) => table.set(chain[1], { name: 'short' }, { ttl: LIFETIME_MS }),
  },
  {
    name: 'set over an expired row',
    rows: ONE_OVER,
    stepwise: true,
    prepare: (table, { chain }) => letExpire(table, [chain[1]]),
    run: (table, { chain }) => table.set(chain[1], { name: 'anew' }),
  },
  {
    name: 'increment over an expired row',
    rows: SPARSE,
    stepwise: true,
    prepare: (table, { chain }) => letExpire(table, [chain[1]]),
    run: (table, { chain }) => table.increment(chain[1], 'count', 9),
  },
  {
    name: 'increment that creates, with ttlIfNew',
    rows: SPARSE,
    run: (table, { chain }) => table.increment(chain[SPARSE], 'count', 9, { ttlIfNew: LIFETIME_MS }),
  },
  {
    name: 'increment in place, with ttlIfNew',
    rows: SPARSE,
    run: (table, { chain }) => table.increment(chain[1], 'count', 9, { ttlIfNew: LIFETIME_MS }),
  },
  {
    name: 'increment over an expired row, with ttlIfNew',
    rows: SPARSE,
    stepwise: true,
    prepare: (table, { chain }) => letExpire(table, [chain[1]]),
    run: (table, { chain }) => table.increment(chain[1], 'count', 9, { ttlIfNew: LIFETIME_MS }),
  },
  {
    name: 'increment with ttl',
    rows: SPARSE,
    run: (table, { chain }) => table.increment(chain[1], 'total', 9n, { ttl: LIFETIME_MS }),
  },
  {
    name: 'delete of an expired row',
    rows: SPARSE,
    prepare: (table, { chain }) => letExpire(table, [chain[1]]),
    run: (table, { chain }) => table.delete(chain[1]),
  },
  {
    name: 'sweep',
    rows: ONE_OVER,
    stepwise: true,
    prepare: (table, { chain, others }) => {
      table.expire(chain[5], LIFETIME_MS);
      letExpire(table, [chain[1], chain[ONE_OVER - 1], others[0]]);
    },
    run: (_table, _keys, runTimers) => {
      for (let step = 0; step < 50; step++) runTimers();
    },
  },
];

const fullTables: Operation[] = [
  {
    name: 'set, existing, in a full table',
    rows: HALF_OVER,
    prepare: fill,
    run: (table, { chain }) => table.set(chain[1], proofRow(42)),
  },
  {
    name: 'insert in a full table, refused',
    rows: HALF_OVER,
    prepare: fill,
    run: (table, { chain }) => refused(() => table.insert(chain[HALF_OVER], proofRow(42)), 'ERR_TABLE_FULL'),
  },
  {
    name: 'insert in a full table, where rows have expired',
    rows: HALF_OVER,
    stepwise: true,
    prepare: (table, { chain }) => {
      fill(table);
      letExpire(table, [chain[3], chain[HALF_OVER - 1], 'fill-2']);
    },
    run: (table, { chain }) => table.insert(chain[HALF_OVER], proofRow(42)),
  },
  {
    name: 'insert in a full table that evicts',
    table: { evict: 'lru' },
    rows: HALF_OVER,
    stepwise: true,
    prepare: fill,
    run: (table, { chain }) => table.insert(chain[HALF_OVER], proofRow(42)),
  },
  {
    name: 'get in a table that evicts',
    table: { evict: 'lru' },
    rows: SPARSE,
    run: (table, { chain }) => table.get(chain[1]),
  },
];

const versionsThatWrap: Operation[] = [
  {
    name: 'set, existing, at the last version',
    rows: SPARSE,
    version: LAST_VERSION,
    run: (table, { chain }) => table.set(chain[1], proofRow(43)),
  },
  {
    name: 'increment in place, at the last version',
    rows: SPARSE,
    version: LAST_VERSION,
    run: (table, { chain }) => table.increment(chain[1], 'count', 3),
  },
  {
    name: 'delete that moves a row, at the last version',
    rows: SPARSE,
    version: LAST_VERSION,
    run: (table, { chain }) => table.delete(chain[0]),
  },
  {
    name: 'delete that moves a row, at the second to last version',
    rows: SPARSE,
    version: LAST_VERSION - 1,
    run: (table, { chain }) => table.delete(chain[0]),
  },
];

const withoutFeed: readonly Operation[] = [
  ...writes,
  ...removals(),
  ...increments(),
  ...expiries,
  ...fullTables,
  ...versionsThatWrap,
];

/** One operation of each kind, in a table with a change feed. */
const published = [
  'set, new',
  'set, existing',
  'insert that appends an overflow bucket',
  'delete head, with one row in the overflow bucket',
  'take',
  'increment count in place',
  'increment that creates',
  'increment with ttl',
  'expire',
  'set over an expired row',
  'sweep',
  'clear',
  'insert in a full table that evicts',
];

const withFeed: Operation[] = withoutFeed
  .filter(({ name }) => published.includes(name))
  .map((operation) => ({
    ...operation,
    name: `${operation.name}, with a change feed`,
    table: { ...operation.table, changes: FEED_BYTES },
  }));

export const operations: readonly Operation[] = [...withoutFeed, ...withFeed, ...longOperations];
