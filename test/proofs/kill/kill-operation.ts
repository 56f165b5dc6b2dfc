import type { ByteLocks, Segment } from '../../../src/memory/index.js';
import { hashOf } from '../../fixtures/hash-of.js';
import type { Subject } from '../subject.js';
import { type State, Survivors } from './check-survivors.js';
import type { ForkedRun } from './forked-run.js';
import type { Operation, ProofKeys } from './operation.js';
import {
  CAPACITY,
  hashKeyOf,
  longValues,
  Picture,
  type ProofRow,
  type ProofTable,
  proofOptions,
  proofRow,
  tableSegment,
} from './proof-table.js';

/** The kill points to try. */
export interface Plan {
  /** Share of the operation's own kill points, above 0 and at most 1. */
  readonly share: number;
  /** Kill points of each recovery: 'all', or this many at random. */
  readonly recovery: 'all' | number;
  /** An operation that has failed this often is abandoned. */
  readonly maxFailures: number;
  readonly random: () => number;
}

export interface KillOutcome {
  readonly name: string;
  points: number;
  recoveryPoints: number;
  readonly failures: string[];
}

/** Rows per home bucket for which the table sizes its index. */
const LOAD = 7;
const CHAIN_KEYS = 23;
const OTHER_KEYS = 4;
/** Most recoveries execute fewer stores; in a sample, kill points are chosen among this many. */
const MAX_RECOVERY_STORES = 60;
/** The participant of this process has the first slot; the victim takes the second. */
const VICTIM_SLOT = 1;

/**
 * Kills one operation before its first store, its second, and so on until it completes, each time in a newly forked
 * process, and checks the table in this process, which has it open throughout. Each recovery is killed in the same way,
 * in a second forked process, and then a third process checks the table.
 */
export class KillOperation {
  readonly #subject: Subject;
  readonly #forked: ForkedRun;
  readonly #operation: Operation;
  readonly #plan: Plan;
  readonly #name: string;
  readonly #table: ProofTable;
  readonly #memory: Segment;
  readonly #locks: ByteLocks;
  readonly #keys: ProofKeys;
  readonly #survivors: Survivors;
  readonly #outcome: KillOutcome;

  constructor(subject: Subject, forked: ForkedRun, operation: Operation, plan: Plan, name: string) {
    this.#subject = subject;
    this.#forked = forked;
    this.#operation = operation;
    this.#plan = plan;
    this.#name = name;
    this.#table = subject.Table.create(proofOptions(name, operation.table));
    this.#memory = subject.Segment.open({ name: tableSegment(name) });
    this.#locks = this.#memory.openByteLocks();
    this.#keys = findKeys(name);
    const fillers = Array.from({ length: CAPACITY }, (_, i) => `fill-${i}`);
    this.#survivors = new Survivors(
      this.#table,
      () => this.#settleDead(this.#table),
      this.#memory,
      this.#keys,
      fillers,
    );
    this.#outcome = { name: operation.name, points: 0, recoveryPoints: 0, failures: [] };
  }

  run(): KillOutcome {
    try {
      this.#prepare();
      const start = new Picture(this.#memory.buffer);
      const before = this.#survivors.state();
      if (this.#kill(Number.MAX_SAFE_INTEGER)) throw new Error('another process killed it');
      this.#settleDead(this.#table);
      const after = this.#survivors.state();
      this.#killEverywhere(start, before, after);
    } catch (error) {
      this.#fail('the proof itself', error);
    } finally {
      this.#locks.close();
      this.#memory.close();
      this.#table.destroy();
    }
    return this.#outcome;
  }

  #prepare(): void {
    const { rows, prepare, version } = this.#operation;
    const rowOf = (seed: number): ProofRow =>
      this.#operation.table?.blocks === undefined ? proofRow(seed) : { ...proofRow(seed), ...longValues(seed) };
    for (let i = 0; i < rows; i++) this.#table.set(this.#keys.chain[i], rowOf(i));
    for (const [i, key] of this.#keys.others.entries()) this.#table.set(key, rowOf(30 + i));
    prepare?.(this.#table, this.#keys);
    if (version === undefined) return;
    const { rows: rowBytes, spares, index, total } = this.#subject.Table.bytesFor(this.#table);
    const firstBucket = (total - rowBytes - spares - index) / 4;
    new Int32Array(this.#memory.buffer)[firstBucket + 1] = version | 0;
  }

  #killEverywhere(start: Picture, before: State, after: State): void {
    const { stepwise = false } = this.#operation;
    let done = false;
    for (let point = 0; this.#outcome.failures.length < this.#plan.maxFailures; point++) {
      if (this.#plan.random() >= this.#plan.share) continue;
      start.restore();
      if (!this.#kill(point)) return;
      this.#outcome.points++;
      const atDeath = new Picture(this.#memory.buffer);
      for (const settleFirst of [true, false]) {
        try {
          atDeath.restore();
          const isDone = this.#survivors.check(before, after, { stepwise, settleFirst });
          if (done && !isDone && !stepwise) throw new Error('it was complete when killed one store earlier');
          done = isDone;
          this.#survivors.checkCapacity();
        } catch (error) {
          this.#fail(`killed before store ${point}, ${settleFirst ? '' : 'not '}recovered first`, error);
        }
      }
      this.#killRecovery(point, atDeath, before, after);
    }
  }

  #killRecovery(point: number, atDeath: Picture, before: State, after: State): void {
    const { recovery, random } = this.#plan;
    const { stepwise = false } = this.#operation;
    const tries = recovery === 'all' ? Number.POSITIVE_INFINITY : recovery;
    const way = WAYS[point % WAYS.length];
    for (let i = 0; i < tries && this.#outcome.failures.length < this.#plan.maxFailures; i++) {
      const store = recovery === 'all' ? i : Math.floor(random() * MAX_RECOVERY_STORES);
      atDeath.restore();
      const killed = this.#recover(way, store);
      try {
        this.#survivors.check(before, after, { stepwise, settleFirst: (point + i) % 4 < 2 });
        this.#survivors.checkCapacity();
      } catch (error) {
        this.#fail(`killed before store ${point}, its recovery by ${way} before store ${store}`, error);
      }
      if (!killed && recovery === 'all') return;
      if (killed) this.#outcome.recoveryPoints++;
    }
  }

  #kill(point: number): boolean {
    let runTimers = (): void => {};
    return this.#forked.killAfter(
      point,
      () => {
        runTimers = holdTimers(this.#subject);
        return this.#open();
      },
      (table) => this.#operation.run(table, this.#keys, runTimers),
    );
  }

  /** Recovers the dead process's operation, and is killed meanwhile. */
  #recover(way: (typeof WAYS)[number], store: number): boolean {
    if (way === 'attaching to its slot') return this.#forked.killWhileMapping(store, () => this.#open());
    this.#locks.tryLock(VICTIM_SLOT);
    try {
      return this.#forked.killAfter(
        store,
        () => {
          const table = this.#open();
          // The lock's file description is shared with the parent, so the child unlocks it: from here on the slot can
          // be recovered.
          this.#locks.unlock(VICTIM_SLOT);
          return table;
        },
        (table) =>
          way === 'explicit recovery' ? this.#settleDead(table) : table.delete(this.#keys.chain[CHAIN_KEYS - 1]),
      );
    } finally {
      this.#locks.unlock(VICTIM_SLOT);
    }
  }

  #settleDead(table: ProofTable): void {
    this.#subject.engineOf(table).settleDead();
  }

  #open(): ProofTable {
    return this.#subject.Table.open(this.#name, { columns: proofOptions(this.#name, this.#operation.table).columns });
  }

  #fail(where: string, error: unknown): void {
    this.#outcome.failures.push(`${this.#operation.name}, ${where}: ${error instanceof Error ? error.message : error}`);
  }
}

const WAYS = ['explicit recovery', 'attaching to its slot', 'meeting its lock'] as const;

/** Postpones every timer set from now on; returns a function that runs those postponed so far. */
function holdTimers({ clock }: Subject): () => void {
  const held: (() => void)[] = [];
  const setHeldTimer = (run: () => void) => {
    held.push(run);
    return { unref: () => {} };
  };
  Reflect.set(clock.timers, 'setTimeout', setHeldTimer);
  return () => {
    for (const run of held.splice(0)) run();
  };
}

/** Keys by home bucket, found by trial. The last key of the chain is never in the table. */
function findKeys(name: string): ProofKeys {
  const hashKey = hashKeyOf(name);
  const buckets = Math.ceil(CAPACITY / LOAD);
  const chain: string[] = [];
  const others: string[] = [];
  for (let i = 0; chain.length < CHAIN_KEYS || others.length < OTHER_KEYS; i++) {
    const candidate = `key-${i}`;
    const bucket = Math.floor(((hashOf(candidate, hashKey) >>> 0) * buckets) / 2 ** 32);
    if (bucket === 0 && chain.length < CHAIN_KEYS) chain.push(candidate);
    if (bucket !== 0 && others.length < OTHER_KEYS) others.push(candidate);
  }
  return { chain, others };
}
