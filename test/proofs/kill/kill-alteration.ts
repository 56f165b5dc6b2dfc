import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TableOptions } from '../../../src/index.js';
import { FROZEN, MOVED, STATE } from '../../../src/table/layout/segment.js';
import type { Subject } from '../subject.js';
import type { ForkedRun } from './forked-run.js';
import type { KillOutcome, Plan } from './kill-operation.js';
import {
  type ProofTable,
  type proofColumns,
  proofOptions,
  proofRow,
  shmDirectory,
  tableFile,
  tableSegment,
} from './proof-table.js';

const ROWS = 12;
/** No step of a process that comes across a dead alterer has more system calls; in a sample, points are chosen among these. */
const MAX_CALLS = 60;
/** A live process must not wait for a dead alterer longer than this, in milliseconds: a fraction of the lock's timeout. */
const MAX_WAIT_MS = 900;

/** What a process does that comes across a table whose alterer was killed. */
interface Finder {
  readonly name: string;
  readonly run: (table: ProofTable) => void;
  readonly mayDestroy?: boolean;
}

/**
 * Kills a process that alters a table before each of its system calls, and before each of its stores to the old segment:
 * between two calls, only these matter to others. Where the dead one has left a table that is FROZEN or MOVED, a second
 * process that finds it so is killed in the same way. Afterwards the table is whole, and the processes that had it open
 * throughout have followed it.
 */
export class KillAlteration {
  readonly #subject: Subject;
  readonly #forked: ForkedRun;
  readonly #plan: Plan;
  readonly #options: TableOptions<typeof proofColumns> & { readonly name: string };
  readonly #file: string;
  #states = new Set<number>();

  constructor(subject: Subject, forked: ForkedRun, plan: Plan, name: string, backend: 'posix' | 'file') {
    this.#subject = subject;
    this.#forked = forked;
    this.#plan = plan;
    this.#file = backend === 'file' ? join(shmDirectory, `${name}.table`) : tableFile(name);
    this.#options = { ...proofOptions(name), backend, ...(backend === 'file' ? { path: this.#file } : {}) };
  }

  run(): KillOutcome[] {
    const alter = (): void => this.#alter(40);
    const byCall = this.#killEverywhere('before each system call', (point) =>
      this.#forked.killAtCall(point, () => {}, alter),
    );
    const byStore = this.#killEverywhere('before each store', (point) => this.#forked.killInFirstMapping(point, alter));
    for (const state of [FROZEN, MOVED]) {
      if (this.#plan.share === 1 && !this.#states.has(state)) byCall.failures.push(`no kill left state ${state}`);
    }
    return [byCall, byStore];
  }

  #finders(): Finder[] {
    return [
      { name: 'a writer', run: (table) => table.set('row-3', proofRow(3)) },
      { name: 'a reader', run: (table) => table.get('row-3') },
      { name: 'one who opens it', run: () => this.#open().get('row-3') },
      { name: 'the next alterer', run: () => this.#alter(50) },
      { name: 'one who destroys it', run: (table) => table.destroy(), mayDestroy: true },
      {
        name: 'one who destroys it by name',
        run: () => this.#subject.Table.destroy(this.#options.name, this.#place()),
        mayDestroy: true,
      },
    ];
  }

  #killEverywhere(how: string, kill: (point: number) => boolean): KillOutcome {
    const name = `alter, ${this.#options.backend}, killed ${how}`;
    const outcome: KillOutcome = { name, points: 0, recoveryPoints: 0, failures: [] };
    for (let point = 0, killed = true; killed && outcome.failures.length < this.#plan.maxFailures; point++) {
      if (this.#plan.random() >= this.#plan.share) continue;
      let isOpen = false;
      this.#attempt(outcome, `${name} ${point}`, false, () => {
        killed = kill(point);
        if (killed) outcome.points++;
        isOpen = this.#isBetween();
      });
      if (killed && isOpen) this.#killFinders(outcome, `${name} ${point}`, () => kill(point));
    }
    return outcome;
  }

  #killFinders(outcome: KillOutcome, where: string, killFirst: () => void): void {
    const { recovery, random } = this.#plan;
    const finders = this.#finders();
    const killAt = (finder: Finder, point: number): boolean => {
      let killed = false;
      this.#attempt(outcome, `${where}, then ${finder.name} ${point}`, finder.mayDestroy === true, () => {
        // Before the first death, so that it is a handle that has the table open.
        killed = this.#forked.killAtCall(
          point,
          () => {
            const table = this.#open();
            killFirst();
            return table;
          },
          finder.run,
        );
        if (killed) outcome.recoveryPoints++;
      });
      return killed;
    };
    if (recovery === 'all') {
      for (const finder of finders) for (let point = 0; killAt(finder, point); point++);
      return;
    }
    for (let i = 0; i < recovery; i++) {
      killAt(finders[Math.floor(random() * finders.length)], Math.floor(random() * MAX_CALLS));
    }
  }

  /** Runs `kill` with a new table, and then checks that. */
  #attempt(outcome: KillOutcome, where: string, mayDestroy: boolean, kill: () => void): void {
    const { Table } = this.#subject;
    const table = Table.create(this.#options);
    const reader = this.#open(true);
    try {
      for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, proofRow(i));
      kill();
      this.#check(table, reader, mayDestroy);
    } catch (error) {
      outcome.failures.push(`${where}: ${error instanceof Error ? error.stack : error}`);
    } finally {
      table.close();
      reader.close();
      for (const name of readdirSync(shmDirectory)) rmSync(join(shmDirectory, name), { force: true });
    }
  }

  /** Whether the table is left in a state that others have to end. */
  #isBetween(): boolean {
    const segment = this.#subject.Segment.open({ ...this.#place(), name: tableSegment(this.#options.name) });
    const state = new Int32Array(segment.buffer)[STATE];
    segment.close();
    this.#states.add(state);
    return state === FROZEN || state === MOVED;
  }

  #check(table: ProofTable, reader: ProofTable, mayDestroy: boolean): void {
    const survives = !mayDestroy || this.#isUsable(reader);
    if (survives) {
      for (const handle of [reader, table]) this.#checkRows(handle);
      const began = performance.now();
      table.set('row-0', proofRow(0));
      const waited = performance.now() - began;
      assert(waited < MAX_WAIT_MS, `a writer waited for ${waited.toFixed(0)} ms`);
      assert.deepEqual(reader.get('row-0'), proofRow(0));
      assert.deepEqual(table.verify(), { ok: true, problems: [] });
      assert.equal(reader.capacity, table.capacity);
    }
    const next = this.#subject.Table.openOrCreate({ ...this.#options, onMismatch: 'alter' });
    try {
      if (survives) for (const handle of [next, reader, table]) this.#checkRows(handle);
      else assert.equal(next.size, 0);
      assert.equal(next.capacity, this.#options.capacity);
      next.clear();
      for (let i = 0; i < next.capacity; i++) assert(next.insert(`fill-${i}`, { count: i }));
      assert.throws(() => next.insert('one more', {}), { code: 'ERR_TABLE_FULL' });
      assert.deepEqual(next.verify(), { ok: true, problems: [] });
    } finally {
      next.close();
    }
    assert.deepEqual(readdirSync(shmDirectory), [basename(this.#file)], 'files');
  }

  #isUsable(table: ProofTable): boolean {
    try {
      return table.size === ROWS;
    } catch (error) {
      assert(error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_CLOSED', String(error));
      return false;
    }
  }

  #checkRows(table: ProofTable): void {
    assert.equal(table.size, ROWS);
    for (let i = 0; i < ROWS; i++) assert.deepEqual(table.get(`row-${i}`), proofRow(i));
  }

  #alter(capacity: number): void {
    this.#subject.Table.alter(this.#options.name, { ...this.#place(), capacity });
  }

  #place() {
    const { backend = 'posix', path } = this.#options;
    return { backend, ...(path === undefined ? {} : { path }) };
  }

  #open(readOnly = false): ProofTable {
    return this.#subject.Table.open<typeof proofColumns>(this.#options.name, { ...this.#place(), readOnly });
  }
}
