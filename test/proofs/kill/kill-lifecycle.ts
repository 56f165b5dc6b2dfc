import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import type { Table } from '../../../src/index.js';
import type { Subject } from '../subject.js';
import type { ForkedRun } from './forked-run.js';
import type { KillOutcome } from './kill-operation.js';
import { type ProofTable, proofOptions, proofRow, shmDirectory, tableFile, tableSegment } from './proof-table.js';

const ROWS = 12;

/** A moment in the life of a segment or of a handle, to be killed at every store. */
interface Moment {
  readonly name: string;
  /** Runs the moment in a forked process; whether it was killed. */
  readonly kill: (point: number) => boolean;
  /** Whether the table is there before. */
  readonly exists: boolean;
  /** Whether the table may be gone after: completely. */
  readonly mayVanish?: boolean;
}

/** Kills the creation, opening, closing and destruction of a table at every store. */
export class KillLifecycle {
  readonly #subject: Subject;
  readonly #forked: ForkedRun;
  readonly #name: string;

  constructor(subject: Subject, forked: ForkedRun, name: string) {
    this.#subject = subject;
    this.#forked = forked;
    this.#name = name;
  }

  run(): KillOutcome[] {
    const options = proofOptions(this.#name);
    const { Table } = this.#subject;
    const open = (): ProofTable => Table.open(this.#name, { columns: options.columns });
    const afterOpening = (run: (table: ProofTable) => void) => (point: number) =>
      this.#forked.killAfter(point, open, run);
    const whileMapping = (run: () => void) => (point: number) => this.#forked.killWhileMapping(point, run);
    const moments: Moment[] = [
      { name: 'create', exists: false, kill: whileMapping(() => Table.create(options)) },
      { name: 'openOrCreate, missing', exists: false, kill: whileMapping(() => Table.openOrCreate(options)) },
      {
        name: 'create, without nameless files',
        exists: false,
        kill: whileMapping(() => {
          process.env.SHMTABLE_TEST_NO_TMPFILE = '1';
          Table.create(options);
        }),
      },
      { name: 'open', exists: true, kill: whileMapping(open) },
      { name: 'openOrCreate', exists: true, kill: whileMapping(() => Table.openOrCreate(options)) },
      { name: 'close', exists: true, kill: afterOpening((table) => table.close()) },
      { name: 'destroy', exists: true, mayVanish: true, kill: afterOpening((table) => table.destroy()) },
    ];
    return moments.map((moment) => this.#killEverywhere(moment));
  }

  #killEverywhere(moment: Moment): KillOutcome {
    const outcome: KillOutcome = { name: moment.name, points: 0, recoveryPoints: 0, failures: [] };
    for (let point = 0, killed = true; killed; point++) {
      const table = moment.exists ? this.#create() : undefined;
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
        if (existsSync(tableFile(this.#name))) this.#subject.Table.destroy(this.#name);
      }
    }
    return outcome;
  }

  #create(): ProofTable {
    const table = this.#subject.Table.create(proofOptions(this.#name));
    for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, proofRow(i));
    return table;
  }

  #check(moment: Moment, table: ProofTable | undefined): void {
    const survives = table !== undefined && this.#isUsable(table);
    if (!moment.mayVanish) assert.equal(survives, moment.exists, 'the table of before');
    // Before anybody attaches to the dead one's slot, and after.
    if (survives) assert.deepEqual(table.verify(), { ok: true, problems: [] });
    const next = this.#subject.Table.openOrCreate(proofOptions(this.#name));
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

  /** Without nameless files, what a dead creator left is swept by the next one. */
  #checkNothingLeft(): void {
    process.env.SHMTABLE_TEST_NO_TMPFILE = '1';
    this.#subject.Table.create(proofOptions('next')).destroy();
    delete process.env.SHMTABLE_TEST_NO_TMPFILE;
    assert.deepEqual(readdirSync(shmDirectory), [tableSegment(this.#name)], 'files');
  }

  #isUsable(table: Table): boolean {
    try {
      return table.size === ROWS;
    } catch (error) {
      assert(error instanceof Error && 'code' in error && error.code === 'ERR_TABLE_CLOSED', String(error));
      return false;
    }
  }

  /** Exactly `capacity` rows fit, again and again. */
  #fill(table: ProofTable): void {
    table.clear();
    for (let i = 0; i < table.capacity; i++) assert(table.insert(`fill-${i}`, { count: i }));
    assert.throws(() => table.insert('one more', {}), { code: 'ERR_TABLE_FULL' });
    assert.deepEqual(table.verify(), { ok: true, problems: [] });
  }
}
