import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Table, TableOptions } from '../../../src/index.js';
import { BOOT_ID, IN_USE } from '../../../src/table/layout/segment.js';
import { refusalsText } from '../../fixtures/refused-calls.js';
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
const NO_NAMELESS_FILES = refusalsText({ tmpfile: 'ENOTSUP' });

/** A phase in the life of a segment or of a handle, which is killed at every store. */
interface Moment {
  readonly name: string;
  /** Runs the phase in a forked process; returns whether it was killed. */
  readonly kill: (point: number) => boolean;
  /** Whether the table exists before the phase. */
  readonly exists: boolean;
  /** What is done to the closed table first. */
  readonly before?: () => void;
  /** Whether the table may be completely gone afterwards. */
  readonly mayVanish?: boolean;
}

/** Kills the creation, opening, closing and destruction of a table at every store, for one backend. */
export class KillLifecycle {
  readonly #subject: Subject;
  readonly #forked: ForkedRun;
  readonly #plan: Plan;
  readonly #options: TableOptions<typeof proofColumns>;
  readonly #file: string;

  constructor(subject: Subject, forked: ForkedRun, plan: Plan, name: string, backend: 'posix' | 'file') {
    this.#subject = subject;
    this.#forked = forked;
    this.#plan = plan;
    this.#file = backend === 'file' ? join(shmDirectory, `${name}.table`) : tableFile(name);
    this.#options = { ...proofOptions(name), backend, ...(backend === 'file' ? { path: this.#file } : {}) };
  }

  run(): KillOutcome[] {
    const moments = this.#options.backend === 'file' ? this.#fileMoments() : this.#moments();
    return moments.map((moment) => this.#killEverywhere(moment));
  }

  #moments(): Moment[] {
    const { Table } = this.#subject;
    const options = this.#options;
    const afterOpening = (run: (table: ProofTable) => void) => (point: number) =>
      this.#forked.killAfter(point, () => this.#open(), run);
    const whileMapping = (run: () => void) => (point: number) => this.#forked.killWhileMapping(point, run);
    return [
      { name: 'create', exists: false, kill: whileMapping(() => Table.create(options)) },
      { name: 'openOrCreate, missing', exists: false, kill: whileMapping(() => Table.openOrCreate(options)) },
      {
        name: 'create, without nameless files',
        exists: false,
        kill: whileMapping(() => {
          process.env.REFUSED_CALLS = NO_NAMELESS_FILES;
          Table.create(options);
        }),
      },
      { name: 'open', exists: true, kill: whileMapping(() => this.#open()) },
      { name: 'openOrCreate', exists: true, kill: whileMapping(() => Table.openOrCreate(options)) },
      { name: 'close', exists: true, kill: afterOpening((table) => table.close()) },
      { name: 'destroy', exists: true, mayVanish: true, kill: afterOpening((table) => table.destroy()) },
    ];
  }

  /** Opening and closing a file involves more: a boot of the machine, and a mark while it is in use. */
  #fileMoments(): Moment[] {
    const moments = this.#moments().map((moment) => ({ ...moment, name: `${moment.name}, in a file` }));
    const named = (name: string): Moment => {
      const found = moments.find((moment) => moment.name.startsWith(name));
      if (found === undefined) throw new Error(`there is no phase "${name}"`);
      return found;
    };
    const closeLast = { ...named('close,'), name: 'close by the last process, in a file', before: () => {} };
    const inNewBoot = [0, 1].map((inUse) => ({
      ...named('open,'),
      name: `open in a new boot, ${inUse === 0 ? 'closed' : 'in use'} in the old one`,
      before: () => this.#leaveBoot(inUse),
    }));
    return [...moments, closeLast, ...inNewBoot];
  }

  #open(): ProofTable {
    const { name, columns, backend = 'posix', path } = this.#options;
    return this.#subject.Table.open(name, { columns, backend, ...(path === undefined ? {} : { path }) });
  }

  /** Changes the file into one from an earlier boot of the machine. */
  #leaveBoot(inUse: number): void {
    const { backend = 'posix', name, path } = this.#options;
    const segment = this.#subject.Segment.open({ backend, name: tableSegment(name), path });
    const bytes = Buffer.from(segment.buffer);
    bytes.fill(1, BOOT_ID * 4, BOOT_ID * 4 + 16);
    bytes.writeInt32LE(inUse, IN_USE * 4);
    segment.close();
  }

  #killEverywhere(moment: Moment): KillOutcome {
    const outcome: KillOutcome = { name: moment.name, points: 0, recoveryPoints: 0, failures: [] };
    for (let point = 0, killed = true; killed; point++) {
      if (this.#plan.random() >= this.#plan.share) continue;
      const table = moment.exists ? this.#create(moment) : undefined;
      try {
        killed = moment.kill(point);
        if (killed) outcome.points++;
        this.#check(moment, table);
      } catch (error) {
        outcome.failures.push(
          `${moment.name}, before store ${point}: ${error instanceof Error ? error.message : error}`,
        );
        killed = false;
      } finally {
        table?.close();
        rmSync(this.#file, { force: true });
      }
    }
    return outcome;
  }

  /**
   * Creates the table if it exists before the phase. It stays open while the phase is killed, unless `before` needs it
   * closed.
   */
  #create({ before }: Moment): ProofTable {
    const table = this.#subject.Table.create(this.#options);
    for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, proofRow(i));
    if (before !== undefined) table.close();
    before?.();
    return table;
  }

  #check(moment: Moment, table: ProofTable | undefined): void {
    const open = moment.before === undefined ? table : undefined;
    const survives = moment.exists && (open === undefined || this.#isUsable(open));
    if (!moment.mayVanish) assert.equal(survives, moment.exists, 'the table that existed before');
    // Checked before another participant attaches to the dead one's slot, and again afterwards.
    if (survives && open !== undefined) assert.deepEqual(open.verify(), { ok: true, problems: [] });
    const next = this.#subject.Table.openOrCreate(this.#options);
    try {
      assert.deepEqual(next.verify(), { ok: true, problems: [] });
      if (survives) for (let i = 0; i < ROWS; i++) assert.deepEqual(next.get(`row-${i}`), proofRow(i));
      else assert.equal(next.size, 0);
      this.#fill(next);
      this.#fill(next);
    } finally {
      next.close();
    }
    this.#checkNothingLeft();
  }

  /** Without O_TMPFILE, the next creator removes the temporary file of a dead one. */
  #checkNothingLeft(): void {
    process.env.REFUSED_CALLS = NO_NAMELESS_FILES;
    const { path, ...options } = this.#options;
    const next = path === undefined ? options : { ...options, path: `${path}-next` };
    this.#subject.Table.create({ ...next, name: 'next' }).destroy();
    delete process.env.REFUSED_CALLS;
    assert.deepEqual(readdirSync(shmDirectory), [basename(this.#file)], 'files');
  }

  #isUsable(table: Table): boolean {
    try {
      return table.size === ROWS;
    } catch (error) {
      assert(error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_CLOSED', String(error));
      return false;
    }
  }

  /** Exactly `capacity` rows fit, repeatedly. */
  #fill(table: ProofTable): void {
    table.clear();
    for (let i = 0; i < table.capacity; i++) assert(table.insert(`fill-${i}`, { count: i }));
    assert.throws(() => table.insert('one more', {}), { code: 'ERR_TABLE_FULL' });
    assert.deepEqual(table.verify(), { ok: true, problems: [] });
  }
}
