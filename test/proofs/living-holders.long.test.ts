import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { Table } from '../../src/index.js';
import { Segment } from '../../src/pools/index.js';
import { engineOf } from '../../src/table/engine.js';
import { readHeader } from '../../src/table/layout/segment.js';
import { PID } from '../../src/table/layout/slot.js';
import { TableMemory } from '../../src/table/layout/table-memory.js';
import type { BucketNumber } from '../../src/table/layout/units.js';
import { tableSegment } from './kill/proof-table.js';

/*
 * A writer stopped inside its critical section is alive: its lock is not taken over, however long it is stopped, and
 * whatever process id is in its slot. A dead writer is recovered immediately, even if its process id is in use again.
 */
process.env.SHMTABLE_NAMESPACE = `living-${process.pid}`;

const STOPPED_MS = Number(process.env.SHMTABLE_PROOF_STOPPED_MS ?? 1_000);
const LOCK_TIMEOUT_MS = 200;
/** A waiting writer checks the clock every 10 ms; the rest allows for a busy machine. */
const SLACK_MS = 2_000;
const KEYS = ['a', 'b', 'c', 'd'];
const READS = 20_000;
const NO_PROCESS = 0x3fffffff;

function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));
}

interface Scene {
  readonly table: Table<{ value: 'int32' }>;
  readonly memory: TableMemory;
  /** The first and the last store of `set` between which it holds the bucket's lock. */
  readonly span: readonly [number, number];
  /** Nanoseconds of a read while no process writes. */
  readonly readNs: number;
}

/** Creates a table with one bucket. */
function setScene(t: Test): Scene {
  const name = `living-${t.name.replaceAll(/\W+/g, '-').slice(0, 40)}`;
  const table = Table.create({ name, capacity: 7, columns: { value: 'int32' }, lockTimeoutMs: LOCK_TIMEOUT_MS });
  t.teardown(() => table.destroy());
  for (const [i, key] of KEYS.entries()) table.set(key, { value: i });
  const span = JSON.parse(
    execFileSync(process.execPath, ['--single-threaded', fixture('proof-lock-span'), name, KEYS[0]], {
      encoding: 'utf8',
    }),
  );
  table.set(KEYS[0], { value: 0 });
  const segment = Segment.open({ name: tableSegment(name) });
  t.teardown(() => segment.close());
  const memory = TableMemory.open(segment.buffer, readHeader(segment.buffer, name));
  return { table, span, memory, readNs: measureReads(table) };
}

interface StoppedWriter {
  /** Its process id in this process's namespace. */
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

/** Starts a writer of the first key that stops before `store`. `command` runs it, for example in another namespace. */
async function stopWriter(t: Test, { table }: Scene, store: number, command: string[] = []): Promise<StoppedWriter> {
  const line = [...command, process.execPath, fixture('proof-stopped-writer'), table.name, KEYS[0], String(store)];
  const child: ChildProcess = spawn(line[0], line.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(child, 'exit');
  let pid: number | undefined;
  t.teardown(async () => {
    if (pid !== undefined && findStopped(table.name) === pid) process.kill(pid, 'SIGKILL');
    await ended;
  });
  while (pid === undefined) {
    if (child.exitCode !== null) throw new Error(`the writer ended with ${child.exitCode}`);
    pid = findStopped(table.name);
    await sleep(5);
  }
  return { pid, ended };
}

/** The stopped process that was started for this table, whatever its namespace. */
function findStopped(name: string): number | undefined {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (!words[1]?.includes('proof-stopped-writer') || words[2] !== name) continue;
      if (/^State:\tT/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return Number(pid);
    } catch {
      // The process has ended since the folder was read.
    }
  }
  return undefined;
}

/** Lets the others continue while a writer is stopped, for STOPPED_MS. */
async function liveOn(t: Test, { table, memory, readNs }: Scene, pid: number | RegExp): Promise<void> {
  const start = performance.now();
  let timeouts = 0;
  let slowest = 0;
  do {
    const begin = performance.now();
    t.throws(
      () => table.set(KEYS[1], { value: 7 }),
      { code: 'ERR_LOCK_TIMEOUT', message: pid instanceof RegExp ? pid : new RegExp(`process ${pid} `) },
      'the error names the process that holds the lock',
    );
    const ms = performance.now() - begin;
    slowest = Math.max(slowest, ms);
    if (ms < LOCK_TIMEOUT_MS || ms > LOCK_TIMEOUT_MS + SLACK_MS) t.fail(`the error came after ${ms} ms`);
    timeouts++;
    for (const [i, key] of KEYS.entries()) if (i > 0 && table.get(key, 'value') !== i) t.fail(`${key} has changed`);
    if (memory.words[memory.homeWord(0 as BucketNumber)] === 0) t.fail('the lock was taken from a live process');
    await sleep(1);
  } while (performance.now() - start < STOPPED_MS);
  t.comment(`${timeouts} timeouts of ${LOCK_TIMEOUT_MS} ms, the slowest ${slowest.toFixed(0)} ms`);
  const beside = measureReads(table);
  t.ok(
    beside < readNs * 5 + 2_000,
    `readers are not slowed down: ${readNs.toFixed(0)} ns, then ${beside.toFixed(0)} ns`,
  );
}

/** Nanoseconds per read, the best of three rounds. */
function measureReads(table: Scene['table']): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    for (let i = 0; i < READS; i++) table.get(KEYS[i % KEYS.length], 'value');
    best = Math.min(best, ((performance.now() - start) * 1e6) / READS);
  }
  return best;
}

function checkCompleted(t: Test, { table }: Scene): void {
  t.equal(table.get(KEYS[0], 'value'), 1_000, 'its write is complete');
  for (const [i, key] of KEYS.entries()) if (i > 0) t.equal(table.get(key, 'value'), i, `${key} is unchanged`);
  table.set(KEYS[1], { value: 8 });
  t.equal(table.get(KEYS[1], 'value'), 8, 'the bucket is free');
  t.same(table.verify(), { ok: true, problems: [] });
}

for (const [i, moment] of ['after it has taken the lock', 'before it releases the lock'].entries()) {
  t.test(`a writer stopped ${moment} keeps the lock and completes its write`, async (t) => {
    const scene = setScene(t);
    const { recoveries } = scene.table.stats();
    const writer = await stopWriter(t, scene, scene.span[i]);
    await liveOn(t, scene, writer.pid);
    t.equal(engineOf(scene.table).settleDead(), 0, 'no participant is dead');
    process.kill(writer.pid, 'SIGCONT');
    await writer.ended;
    checkCompleted(t, scene);
    t.equal(scene.table.stats().recoveries, recoveries, 'nothing was recovered meanwhile');
  });
}

t.test('a live writer keeps its lock even if its slot names a process that does not exist', async (t) => {
  const scene = setScene(t);
  const writer = await stopWriter(t, scene, scene.span[1]);
  setHolderPid(scene, NO_PROCESS);
  await liveOn(t, scene, NO_PROCESS);
  process.kill(writer.pid, 'SIGCONT');
  await writer.ended;
  checkCompleted(t, scene);
});

t.test('a dead writer is recovered even if its process id is in use again', async (t) => {
  const scene = setScene(t);
  const writer = await stopWriter(t, scene, scene.span[1]);
  setHolderPid(scene, process.pid);
  process.kill(writer.pid, 'SIGKILL');
  await writer.ended;
  scene.table.set(KEYS[2], { value: 2 });
  checkCompleted(t, scene);
});

t.test(
  'a writer in another pid namespace keeps its lock while it is alive, and is recovered when it is dead',
  async (t) => {
    const unshare = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--pid', '--fork'];
    if (spawnSync(unshare[0], [...unshare.slice(1), 'true']).status !== 0) {
      t.pass('in another namespace', { skip: 'this user may not create a pid namespace' });
      return;
    }
    const scene = setScene(t);
    // The first process of a namespace cannot be stopped, so the first one is the shell, and the writer is its child.
    const shell = ['sh', '-c', '"$0" "$@"; exit $?'];
    const writer = await stopWriter(t, scene, scene.span[1], [...unshare, '--kill-child', ...shell]);
    t.not(holderPid(scene), writer.pid, 'it has another process id there');
    await liveOn(t, scene, /is locked by process \d+ /);
    process.kill(writer.pid, 'SIGKILL');
    await writer.ended;
    scene.table.set(KEYS[2], { value: 2 });
    checkCompleted(t, scene);
  },
);

function slotWord({ memory }: Scene): number {
  const holder = memory.words[memory.homeWord(0 as BucketNumber)] & 0x7fffffff;
  return memory.slotWord(holder - 1) + PID;
}

function holderPid(scene: Scene): number {
  return scene.memory.words[slotWord(scene)];
}

function setHolderPid(scene: Scene, pid: number): void {
  scene.memory.words[slotWord(scene)] = pid;
}
