import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ShmTableError, Table } from '../../../src/index.js';
import { Segment } from '../../../src/pools/index.js';
import { StormLog } from './storm-log.js';
import {
  hasLongColumns,
  isWhole,
  LOCK_TIMEOUT_MS,
  STORM_KEYS,
  type StormKind,
  type StormTable,
  stormOptions,
  TOTAL_KEY,
} from './storm-table.js';
import { areWhole, longValues } from './storm-values.js';

const WRITERS = 8;
const ALTERERS = 2;
/** Lines of the log reserved for the process with threads. */
const THREAD_LINES = 1_000;
const STOP_MS = 30;

export interface StormReport {
  kills: number;
  stops: number;
  threads: number;
  operations: number;
  increments: number;
  slowestMs: number;
  recoveries: number;
  alterations: number;
  /** Processes that altered the table and were killed. */
  alterersKilled: number;
  /** Alterations that had no room, or ended because a writer was stopped in a write. */
  refused: number;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}.js`, import.meta.url));
}

/**
 * Eight processes and two threads that run mixed operations on a small table, and two that alter it in one kind of storm.
 * One process after another is killed at a random moment and replaced, others are stopped and continued, threads are
 * terminated during operations. Throws if
 * anything is wrong at the end, or immediately when a writer fails.
 */
export class Storm {
  readonly #name = `storm-${process.pid}`;
  readonly #table: StormTable;
  readonly #log: StormLog;
  readonly #isAltered: boolean;
  readonly #processes = new Set<ChildProcess>();
  readonly #failures: string[] = [];
  readonly #report: StormReport = {
    kills: 0,
    stops: 0,
    threads: 0,
    operations: 0,
    increments: 0,
    slowestMs: 0,
    recoveries: 0,
    alterations: 0,
    alterersKilled: 0,
    refused: 0,
  };
  #lines = THREAD_LINES;

  constructor(kind: StormKind = 'short') {
    this.#table = Table.create(stormOptions(this.#name, kind));
    this.#isAltered = kind === 'altered';
    this.#log = StormLog.create(`${this.#name}-log`);
  }

  /** Lasts this many milliseconds, or until this many processes were killed. */
  async run(ms: number, kills = Number.POSITIVE_INFINITY): Promise<StormReport> {
    try {
      const total: object = hasLongColumns(this.#table) ? longValues(TOTAL_KEY, Math.random) : {};
      this.#table.set(TOTAL_KEY, total);
      const threads = this.#spawn('proof-storm-threads', 0, String(THREAD_LINES));
      const writers = Array.from({ length: WRITERS }, () => this.#startWriter());
      const alterers = Array.from({ length: this.#isAltered ? ALTERERS : 0 }, () => this.#startAlterer());
      const end = performance.now() + ms;
      while (performance.now() < end && this.#report.kills < kills && this.#failures.length === 0) {
        await sleep(5 + Math.random() * 60);
        await this.#stopOne([...writers, ...alterers]);
        const victim = Math.floor(Math.random() * WRITERS);
        if (await this.#kill(writers[victim])) this.#report.kills++;
        writers[victim] = this.#startWriter();
        if (this.#isAltered) {
          const alterer = Math.floor(Math.random() * ALTERERS);
          if (await this.#kill(alterers[alterer])) this.#report.alterersKilled++;
          alterers[alterer] = this.#startAlterer();
        }
        this.#lookAround();
      }
      await this.#calmDown([threads, ...writers, ...alterers]);
      this.#check();
      return this.#report;
    } finally {
      for (const child of this.#processes) child.kill('SIGKILL');
      this.#table.destroy();
      this.#log.destroy();
    }
  }

  #startWriter(): { child: ChildProcess; line: number } {
    return this.#spawn('proof-storm-writer', this.#lines++);
  }

  #startAlterer(): { child: ChildProcess; line: number } {
    return this.#spawn('proof-storm-alterer', this.#lines++);
  }

  #spawn(name: string, line: number, ...args: string[]): { child: ChildProcess; line: number } {
    const task = JSON.stringify({ table: this.#name, log: `${this.#name}-log`, writer: line });
    const child = spawn(process.execPath, [fixture(name), task, ...args], { stdio: ['ignore', 'inherit', 'pipe'] });
    let errors = '';
    child.stderr?.on('data', (text) => {
      errors += text;
    });
    this.#processes.add(child);
    child.on('close', (code) => {
      this.#processes.delete(child);
      if (code !== 0 && code !== null) this.#failures.push(`${name} ${line} ended with ${code}: ${errors}`);
    });
    return { child, line };
  }

  /** False when it had ended. */
  async #kill({ child, line }: { child: ChildProcess; line: number }): Promise<boolean> {
    // Not while it starts: it should be killed while it writes.
    while (this.#log.get(line, 'ready') === 0 && this.#failures.length === 0) await sleep(1);
    await sleep(Math.random() * 20);
    if (!child.kill('SIGKILL')) return false;
    await new Promise((resolve) => child.once('close', resolve));
    return true;
  }

  async #stopOne(processes: readonly { child: ChildProcess; line: number }[]): Promise<void> {
    const { child, line } = processes[Math.floor(Math.random() * processes.length)];
    this.#log.add(line, 'stops');
    child.kill('SIGSTOP');
    this.#report.stops++;
    await sleep(Math.random() * STOP_MS);
    child.kill('SIGCONT');
  }

  /** Reads while the storm is running. */
  #lookAround(): void {
    for (const [key, row] of this.#table) {
      if (key !== TOTAL_KEY && !isWhole(key, row)) this.#failures.push(`torn: ${key} ${JSON.stringify(row)}`);
    }
  }

  async #calmDown(writers: readonly { child: ChildProcess }[]): Promise<void> {
    this.#log.stopAll();
    await Promise.all(
      writers.map(({ child }) =>
        child.exitCode === null && child.signalCode === null
          ? new Promise((resolve) => child.once('close', resolve))
          : undefined,
      ),
    );
  }

  #check(): void {
    const report = this.#report;
    const log = this.#log;
    report.operations = log.sum('operations', this.#lines);
    report.slowestMs = log.max('slowestMs', this.#lines);
    report.threads = log.sum('ready', THREAD_LINES);
    report.alterations = log.sum('alterations', this.#lines);
    report.refused = log.sum('refused', this.#lines);
    assert.deepEqual(this.#failures, []);
    assert.equal(log.sum('torn', this.#lines), 0, 'torn rows');
    assert(report.slowestMs < LOCK_TIMEOUT_MS, `an operation took ${report.slowestMs} ms`);

    const table = this.#table;
    assert.deepEqual(table.verify(), { ok: true, problems: [] });
    report.recoveries = table.stats().recoveries;
    for (const [key, row] of table) assert(key === TOTAL_KEY || isWhole(key, row), `${key} is torn`);
    assert.equal(table.stats().heap?.inFlight ?? 0, 0, 'blocks that belong to no row');
    if (table.evict === 'none') this.#checkIncrements();
    this.#checkNothingLeaked();
    this.#checkNoBlockLeaked();
    const segments = Segment.list().filter(({ name }) => name.includes(`:${this.#name}`));
    assert.equal(segments.length, 1, 'a killed alteration has left something beside the table');
  }

  #checkIncrements(): void {
    const [log, table] = [this.#log, this.#table];
    // An increment that a death interrupted may or may not have taken effect; every other one has, exactly once.
    const [started, finished] = [log.sum('started', this.#lines), log.sum('finished', this.#lines)];
    const total = table.get(TOTAL_KEY, 'count') ?? -1;
    this.#report.increments = total;
    assert(total >= finished && total <= started, `${total} increments; ${started} begun, ${finished} returned`);
    const totalRow: object = table.get(TOTAL_KEY) ?? {};
    if ('note' in totalRow) assert(areWhole(TOTAL_KEY, totalRow), 'increments have changed long values');
  }

  #checkNothingLeaked(): void {
    const table = this.#table;
    for (const key of STORM_KEYS) table.delete(key);
    assert.equal(table.size, table.has(TOTAL_KEY) ? 1 : 0);
    for (let i = table.size; i < table.capacity; i++) table.insert(`after-${i}`, {});
    assert.equal(table.size, table.capacity);
    if (table.evict === 'none') {
      assert.throws(
        () => table.insert('one more', {}),
        (error) => error instanceof ShmTableError && error.code === 'ERR_TABLE_FULL',
      );
    }
    assert.deepEqual(table.verify(), { ok: true, problems: [] });
  }

  /** One value takes all blocks. */
  #checkNoBlockLeaked(): void {
    const { heap } = this.#table.stats();
    if (heap === undefined) return;
    this.#table.clear();
    assert.equal(this.#table.stats().heap?.used, 0, 'blocks of an empty table');
    const image = new Uint8Array(heap.blocks * heap.blockBytes);
    this.#table.set('all-blocks', { image } as object);
    assert.equal(this.#table.stats().heap?.used, heap.blocks, 'blocks of a value that needs all of them');
    assert.deepEqual(this.#table.verify(), { ok: true, problems: [] });
  }
}
