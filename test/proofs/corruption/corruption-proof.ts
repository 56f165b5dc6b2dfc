import { existsSync } from 'node:fs';
import type { TableOptions } from '../../../src/index.js';
import type { Segment } from '../../../src/pools/index.js';
import { readHeader } from '../../../src/table/layout/segment.js';
import {
  type LongTable,
  longValues,
  Picture,
  type ProofRow,
  type ProofTable,
  type proofColumns,
  proofOptions,
  proofRow,
  tableFile,
  tableSegment,
  withLong,
} from '../kill/proof-table.js';
import type { Subject } from '../subject.js';
import { type Damage, damage, type Part } from './damage.js';

/** The first problem in a case. */
export interface CaseFailure {
  readonly damage: readonly Damage[];
  readonly step: string;
  readonly problem: string;
}

const ROWS = 30;
const LIMIT_MS = 1_000;
const LOCK_TIMEOUT_MS = 30;
const FEED_BYTES = 4_096;
/** Blocks of a table with long columns: values of up to ten blocks, and room for more. */
const BLOCKS = 400;
const MAX_BLOCKS = 10;

/** Error codes that a damaged table may throw: it may also appear to be closed, full, locked or another table. */
const ALLOWED = new Set([
  'ERR_TABLE_CORRUPT',
  'ERR_LAYOUT_VERSION',
  'ERR_TABLE_NOT_FOUND',
  'ERR_TABLE_CLOSED',
  'ERR_TABLE_FULL',
  'ERR_LOCK_TIMEOUT',
  'ERR_VALUE_RANGE',
]);

/** A table whose memory is damaged repeatedly, and whose operations must still return. */
export class CorruptionProof {
  readonly #subject: Subject;
  readonly #name: string;
  readonly #random: () => number;
  readonly #blocks: number | undefined;
  #memory!: Segment;
  #picture!: Picture;
  #parts: readonly Part[] = [];
  readonly #codes = new Map<string, number>();

  /** `hasLong`: a table whose rows have values in blocks. */
  constructor(subject: Subject, name: string, random: () => number, { hasLong = false } = {}) {
    this.#subject = subject;
    this.#name = name;
    this.#random = random;
    this.#blocks = hasLong ? BLOCKS : undefined;
    this.#build();
  }

  /** How often each code occurred. */
  get codes(): Record<string, number> {
    return Object.fromEntries(this.#codes);
  }

  /** Damages the table once; in half of the cases while it is open. */
  runCase(): CaseFailure | undefined {
    if (!existsSync(tableFile(this.#name))) this.#build();
    this.#picture.restore();
    const early = this.#random() < 0.5 ? this.#open() : undefined;
    const places = damage(Buffer.from(this.#memory.buffer), this.#parts, this.#random);
    const failures: CaseFailure[] = [];
    const attempt = <T>(step: string, run: () => T): T | undefined => {
      const start = performance.now();
      try {
        return run();
      } catch (error) {
        const code = codeOf(error);
        if (code !== undefined && ALLOWED.has(code)) this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
        else failures.push({ damage: places, step, problem: String(error instanceof Error ? error.stack : error) });
        return undefined;
      } finally {
        const ms = performance.now() - start;
        if (ms > LIMIT_MS) failures.push({ damage: places, step, problem: `it took ${ms.toFixed(0)} ms` });
      }
    };
    const table = early ?? attempt('open', () => this.#open());
    if (table !== undefined) {
      for (const [step, run] of this.#steps(table)) attempt(step, run);
      attempt('close', () => table.close());
    }
    return failures[0];
  }

  destroy(): void {
    this.#memory.close();
    if (existsSync(tableFile(this.#name))) this.#subject.Segment.open({ name: tableSegment(this.#name) }).unlink();
  }

  #steps(table: ProofTable): [string, () => unknown][] {
    const key = `row-${Math.floor(this.#random() * ROWS)}`;
    const other = `row-${Math.floor(this.#random() * ROWS)}`;
    const steps: [string, () => unknown][] = [
      ['get', () => table.get(key)],
      ['has', () => table.has('missing')],
      ['entry', () => table.entry(other)],
      ['iterate', () => [...table]],
      ['scan', () => table.scan({ limit: 7 })],
      ['size', () => table.size],
      ['stats', () => table.stats()],
      ['verify', () => table.verify()],
      ['set', () => table.set(key, this.#row(50))],
      ['insert', () => table.insert('new', this.#row(51))],
      ['increment', () => table.increment(other, 'count')],
      ['expire', () => table.expire(other, 60_000)],
      ['take', () => table.take(other)],
      ['delete', () => table.delete(key)],
      ['clear', () => table.clear()],
      ['set again', () => table.set(key, this.#row(52))],
      ...(this.#blocks === undefined ? [] : this.#longSteps(withLong(table), key, other)),
    ];
    // In random order, so that a step that repairs or rejects damage does not hide it from another step.
    return steps
      .map((step) => ({ step, rank: this.#random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ step }) => step);
  }

  #longSteps(table: LongTable, key: string, other: string): [string, () => unknown][] {
    const { note, image, doc } = longValues(53, { note: MAX_BLOCKS, image: MAX_BLOCKS });
    return [
      ['get note', () => table.get(other, 'note')],
      ['get image', () => table.get(other, 'image')],
      ['get doc', () => table.get(other, 'doc')],
      ['set note', () => table.set(key, { note })],
      ['put image', () => table.put(other, { image })],
      ['increment with ttl', () => table.increment(key, 'count', 1, { ttl: 60_000 })],
      ['compareAndSet', () => table.compareAndSet(other, { note: longValues(7).note }, { doc })],
    ];
  }

  /** A row; its long values, if any, have one to ten blocks each. */
  #row(seed: number): ProofRow {
    const row = proofRow(seed);
    return this.#blocks === undefined ? row : { ...row, ...longValues(seed, { note: 1 + (seed % MAX_BLOCKS) }) };
  }

  #options(): TableOptions<typeof proofColumns> {
    return proofOptions(this.#name, {
      changes: FEED_BYTES,
      ...(this.#blocks === undefined ? {} : { blocks: this.#blocks }),
    });
  }

  #open(): ProofTable {
    return this.#subject.Table.open(this.#name, { columns: this.#options().columns, lockTimeoutMs: LOCK_TIMEOUT_MS });
  }

  /** Creates a table with chains of several buckets, rows that expire, and a feed. */
  #build(): void {
    this.#memory?.close();
    const table = this.#subject.Table.create(this.#options());
    for (let i = 0; i < ROWS; i++) table.set(`row-${i}`, this.#row(i), i % 5 === 0 ? { ttl: 3_600_000 } : {});
    for (let i = 0; i < ROWS; i += 4) table.increment(`row-${i}`, 'count');
    table.delete('row-3');
    table.close();
    this.#memory = this.#subject.Segment.open({ name: tableSegment(this.#name) });
    this.#picture = new Picture(this.#memory.buffer);
    const layout = readHeader(this.#memory.buffer, this.#name);
    const begins: [string, number][] = [
      ['header', 0],
      ['participants', layout.participantsAt],
      ['buckets', layout.indexAt],
      ['overflow buckets', layout.overflowAt],
      ['rows', layout.rowsAt],
      ['the rest', layout.usesAt],
    ];
    const { heap } = layout;
    if (heap !== undefined)
      begins.push(['hints', heap.bitsAt], ['block table', heap.tableAt], ['blocks', heap.payloadAt]);
    begins.sort(([, a], [, b]) => a - b);
    this.#parts = begins
      .map(([name, begin], i) => ({ name, begin, end: begins[i + 1]?.[1] ?? layout.totalBytes }))
      .filter(({ begin, end }) => begin < end);
  }
}

/** The code of an error of this package; undefined for other errors. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
