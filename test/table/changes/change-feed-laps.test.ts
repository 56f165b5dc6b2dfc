/**
 * Producers that are stopped for more than a lap: readers receive every committed sequence, or a gap that covers it.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Change, ShmTableError } from '../../../src/index.js';
import { within } from '../../fixtures/deadline.js';
import type { Table } from '../../fixtures/placed-table.js';
import { tries } from '../../fixtures/tries.js';
import { Child } from '../child.js';
import { scratchTable, testShared } from '../scratch-table.js';

const columns = { n: 'int32' } as const;
/** The smallest possible feed: 16 cells. */
const CHANGES = 576;
const MAX_KEY_BYTES = 7;
const CELLS = 16;

interface Told {
  readonly changes: Change[];
  readonly gaps: number;
  /** The sequence after the last one that was received or covered. */
  readonly next: number;
}

/** Follows a table's changes until that of the key `end`; fails if a sequence is repeated, or missing without a gap. */
async function follow(t: Test, table: Table, since: number): Promise<Told> {
  const told: Change[] = [];
  let next = since + 1;
  let gaps = 0;
  for await (const change of table.watch({ since })) {
    const { sequence } = change;
    if (change.type === 'gap' ? sequence < next : sequence !== next) {
      t.fail(`${change.type} ${sequence} instead of ${next}`);
    }
    next = sequence + 1;
    if (change.type === 'gap') gaps++;
    else told.push(change);
    if (change.type !== 'gap' && change.key === 'end') break;
  }
  return { changes: told, gaps, next };
}

async function stopped(child: Child): Promise<void> {
  const { pid } = child.process;
  for (const deadline = performance.now() + 30_000; performance.now() < deadline; await sleep(2)) {
    if (/^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return;
  }
  throw new Error(`process ${pid} has not stopped`);
}

testShared('with 4 processes that lap a small feed, there are as many sequences as committed changes', async (t) => {
  const times = tries(40_000, 150_000);
  const options = { capacity: 50, columns, changes: CHANGES, maxKeyBytes: MAX_KEY_BYTES, lockTimeoutMs: 10_000 };
  const table = scratchTable(t, options);
  const following = follow(t, table, 0);
  const writers = ['a', 'b', 'c', 'd'].map((key) => Child.start(t, 'feed-counting-writer', table.name, key, times));
  for (const writer of writers) t.equal(await writer.ended, 0);
  table.set('end', { n: 0 });
  const { changes, gaps, next } = await within(30_000, 'the last change', following);
  const { inserts, updates, deletes } = table.stats();
  t.equal(inserts + updates + deletes, 4 * times + 1);
  t.equal(next - 1, inserts + updates + deletes, 'sequences');
  t.ok(gaps > 0 && changes.length > 0, `${changes.length} changes were received, and ${gaps} gaps`);
  t.same(table.verify(), { ok: true, problems: [] });
});

/** A table, a producer that is stopped at `place`, and a function that writes rows of other buckets meanwhile. */
async function setScene(t: Test, place: 'head' | 'cell') {
  const options = { capacity: 100, columns, changes: CHANGES, maxKeyBytes: MAX_KEY_BYTES, lockTimeoutMs: 20 };
  const table = scratchTable(t, options);
  table.insert('stopped', { n: 0 });
  const producer = Child.start(t, 'feed-stopped-producer', table.name, 'stopped', place);
  await stopped(producer);
  const keys = Array.from({ length: 10 }, (_, i) => `key-10${i}`).filter((key) => {
    try {
      return table.set(key, { n: 0 });
    } catch (error) {
      if (error instanceof ShmTableError && error.code === 'ERR_LOCK_TIMEOUT') return false;
      throw error;
    }
  });
  const write = (times: number): void => {
    for (let i = 0; i < times; i++) table.set(keys[i % keys.length], { n: i });
  };
  const resume = async (): Promise<void> => {
    producer.process.kill('SIGCONT');
    t.equal(await producer.ended, 0);
  };
  /** The same while this thread is stopped. */
  const continueNow = (): void => {
    producer.process.kill('SIGCONT');
    while (!/^State:\t[ZX]/m.test(readFileSync(`/proc/${producer.process.pid}/status`, 'utf8')));
  };
  return { table, keys, write, resume, continueNow };
}

for (const laps of [1, 2, 40]) {
  testShared(`a producer with the head of ${laps} laps ago takes no other producer's cell`, async (t) => {
    const { table, keys, write, resume } = await setScene(t, 'head');
    write(laps * CELLS + 1);
    const before = 1 + keys.length + laps * CELLS + 1;
    await resume();
    table.set('end', { n: 0 });
    const told = await within(10_000, 'the last change', follow(t, table, before - 8));
    t.equal(told.next - 1, before + 2, 'sequences');
    t.ok(
      told.changes.some(({ key }) => key === 'stopped'),
      'its change is in the feed',
    );
    t.equal(told.gaps, 0);
    t.equal(told.changes.length, 10, 'and so are all others');
  });
}

/** Calls `between` while the change of `write` is published, at this step of its checksum. */
function publishWith(step: number, between: () => void, write: () => void): void {
  const { load } = Atomics;
  const { imul } = Math;
  let steps = -1;
  Reflect.set(Atomics, 'load', (words: Int32Array, index: number): number => {
    if (steps < 0 && words instanceof BigInt64Array) steps = 0;
    return load(words, index);
  });
  Reflect.set(Math, 'imul', (a: number, b: number): number => {
    if (steps >= 0 && steps++ === step) between();
    return imul(a, b);
  });
  try {
    write();
  } finally {
    Reflect.set(Atomics, 'load', load);
    Reflect.set(Math, 'imul', imul);
  }
}

testShared('two producers that write one cell never publish a mixture of their changes', async (t) => {
  for (let step = 0; step < 6; step++) {
    const { table, keys, write, continueNow } = await setScene(t, 'cell');
    write(CELLS - 1 - keys.length);
    const before = table.entry(keys[0])?.revision ?? 0;
    let met = false;
    const meet = (): void => {
      met = true;
      continueNow();
    };
    // The stopped producer has sequence 2; this is sequence 18, in the same cell.
    publishWith(step, meet, () => table.set(keys[0], { n: -1 }));
    t.equal(met, true);
    const { revision = 0 } = table.entry(keys[0]) ?? {};
    table.set('end', { n: 0 });
    const { changes, next } = await within(10_000, 'the last change', follow(t, table, CELLS + 1));
    t.equal(next - 1, CELLS + 3);
    for (const change of changes) {
      if (change.key !== 'end') t.match(change, { type: 'update', key: keys[0], revision });
    }
    t.ok(revision > before);
  }
});

testShared('readers receive a gap if an overtaken producer writes into the cell of another', async (t) => {
  const { table, keys, write, resume } = await setScene(t, 'cell');
  write(CELLS + 4 - keys.length);
  // The stopped producer had sequence 2; its cell is now that of 18.
  await resume();
  table.set('end', { n: 0 });
  const { changes, gaps, next } = await within(10_000, 'the last change', follow(t, table, 0));
  t.equal(next - 1, CELLS + 7);
  t.ok(gaps >= 1);
  for (const { key, revision } of changes) {
    if (key === 'stopped') t.fail('an overtaken change was received');
    if (revision > (table.entry(key)?.revision ?? 0)) t.fail(`${key} with a revision that it never had`);
  }
});
