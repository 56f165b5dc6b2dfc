import type { Subject } from '../subject.js';
import { longValues, proofOptions, proofRow, withLong } from './proof-table.js';

const ROUNDS = 4_000;
const LONG_ROUNDS = 2_000;
const KEYS = 30;

/**
 * Runs every kind of write often enough to be compiled by the optimising compiler, which might merge or move stores:
 * processes forked from this one execute that code.
 */
export function warmUp(subject: Subject): void {
  warmUpTable(subject);
  warmUpLongTable(subject);
  warmUpRing(subject);
  warmUpOtherPools(subject);
}

function warmUpTable({ Table }: Subject): void {
  const table = Table.create(proofOptions('warm-up'));
  const rows = Array.from({ length: KEYS }, (_, i) => proofRow(i));
  for (let round = 0; round < ROUNDS; round++) {
    const key = `key-${round % KEYS}`;
    table.set(key, rows[round % KEYS]);
    table.set(key, { name: 'some' });
    for (const column of ['half', 'count', 'total', 'ratio'] as const) table.increment(key, column);
    table.expire(key, 60_000);
    table.compareAndSet(key, { flag: rows[round % KEYS].flag }, { flag: true });
    if (round % 3 === 0) table.delete(key);
    if (round % 7 === 0) table.take(`key-${(round * 11) % KEYS}`);
  }
  table.destroy();
}

/** Chains of one block and of several, replaced, kept and freed. */
function warmUpLongTable({ Table }: Subject): void {
  const table = withLong(Table.create(proofOptions('warm-up-long', { blocks: 300 })));
  const rows = Array.from({ length: KEYS }, (_, i) => ({ ...proofRow(i), ...longValues(i, { note: 1 + (i % 4) }) }));
  for (let round = 0; round < LONG_ROUNDS; round++) {
    const key = `key-${round % KEYS}`;
    table.set(key, rows[round % KEYS]);
    table.set(key, { image: rows[(round * 7) % KEYS].image });
    table.set(key, { count: round });
    table.compareAndSet(key, { note: rows[round % KEYS].note }, { doc: rows[(round * 3) % KEYS].doc });
    if (round % 3 === 0) table.delete(key);
    if (round % 7 === 0) table.take(`key-${(round * 11) % KEYS}`);
  }
  table.destroy();
}

function warmUpRing({ RingBuffer, Segment }: Subject): void {
  const segment = Segment.create({ name: `warm-up-${process.pid}`, size: 4096 });
  const ring = RingBuffer.create(segment, { bytes: 2048 });
  for (let round = 0; round < ROUNDS; round++) {
    const [first, second] = [ring.alloc(1 + (round % 300)), ring.alloc(40)];
    ring.commit(first);
    ring.free(second);
    ring.settle();
    const oldest = ring.read(round % 2 === 0 ? round : 0);
    ring.free(oldest?.offset ?? first);
  }
  ring.close();
  segment.unlink();
  segment.close();
}

function warmUpOtherPools({ FixedPool, GlobalPool, MetricRegistry, Segment }: Subject): void {
  const segment = Segment.create({ name: `warm-up-${process.pid}`, size: 1 << 20 });
  const pool = FixedPool.create(segment, { slices: 100, sliceBytes: 8 });
  for (let round = 0; round < ROUNDS; round++) {
    const taken = Array.from({ length: round % 64 }, () => pool.alloc(8, 7));
    for (const [i, offset] of taken.entries()) i % 2 === 0 ? pool.free(offset) : pool.link(offset);
    for (const [i, offset] of taken.entries()) if (i % 2 !== 0) pool.free(offset);
  }
  const global = GlobalPool.create(segment, { pageBytes: 256, offset: 1 << 16 });
  for (let round = 0; round < ROUNDS; round++) global.alloc(1 + (round % 64));
  const registry = MetricRegistry.create(segment, { offset: 1 << 19 });
  for (let round = 0; round < ROUNDS; round++) {
    registry.counter(`c${round % 10}`).increment();
    registry.histogram(`h${round % 10}`, [1, 2, 5]).observe(round % 10);
  }
  registry.close();
  segment.unlink();
  segment.close();
}
