import { readFileSync } from 'node:fs';
import type { Row, Table, TableOptions } from '../../../src/index.js';

export const proofColumns = {
  tiny: 'int8',
  half: 'uint16',
  count: 'int32',
  total: 'int64',
  ratio: 'float64',
  flag: 'boolean',
  name: 'string(20)',
  data: 'bytes(9)',
} as const;

export type ProofTable = Table<typeof proofColumns>;
export type ProofRow = Row<typeof proofColumns>;

/** The columns of a proof's table with a heap. */
export const longColumns = { ...proofColumns, note: 'text', image: 'blob', doc: 'json' } as const;
export type LongTable = Table<typeof longColumns>;
/** A block of such a heap, in bytes. */
export const BLOCK_BYTES = 64;

export interface ProofTableOptions {
  readonly evict?: 'lru';
  readonly changes?: number;
  /** Blocks of the heap of a table with `longColumns`. */
  readonly blocks?: number;
}

/** Five home buckets; a chain may have three buckets more. */
export const CAPACITY = 32;
const PARTICIPANTS = 6;

export function proofOptions(
  name: string,
  { blocks, ...rest }: ProofTableOptions = {},
): TableOptions<typeof proofColumns> {
  return {
    name,
    capacity: CAPACITY,
    columns: proofColumns,
    maxParticipants: PARTICIPANTS,
    lockTimeoutMs: 1_000,
    ...rest,
    ...(blocks === undefined
      ? {}
      : { columns: longColumns, heap: { bytes: blocks * BLOCK_BYTES, blockBytes: BLOCK_BYTES } }),
  };
}

/** A row in which every column encodes the seed. */
export function proofRow(seed: number): ProofRow {
  return {
    tiny: seed % 100,
    half: seed * 3,
    count: seed * 1_000_003,
    total: BigInt(seed) * 10_000_000_019n,
    ratio: seed / 7,
    flag: seed % 2 === 1,
    name: `row ${seed} `.padEnd((seed * 5) % 20, 'x'),
    data: new Uint8Array([seed, 255 - seed, 7, seed]),
  };
}

/** Long values that encode the seed, in this many blocks each. */
export function longValues(
  seed: number,
  blocks: { readonly note?: number; readonly image?: number; readonly doc?: number } = {},
): Omit<Row<typeof longColumns>, keyof ProofRow> {
  const { note = 1, image = 1, doc = 1 } = blocks;
  return {
    note: `\u00e4 ${seed} `.padEnd(note * BLOCK_BYTES - 20, String.fromCharCode(97 + (seed % 26))),
    image: Uint8Array.from({ length: image * BLOCK_BYTES - 3 }, (_, i) => (seed + i) & 255),
    doc: { seed, text: 'x'.repeat(doc * BLOCK_BYTES - 30) },
  };
}

/** The table as one with long columns. */
export function withLong(table: ProofTable): LongTable {
  return table as unknown as LongTable;
}

/** Every row as readers see it: by key, the row and whether it expires, as text, and the revision. */
export type Contents = Map<string, { readonly text: string; readonly revision: number }>;

export function contentsOf(table: ProofTable, keys: readonly string[]): Contents {
  const contents: Contents = new Map();
  for (const key of keys) {
    const entry = table.entry(key);
    if (entry !== undefined) contents.set(key, { text: textOf(entry.row, entry.expiresAt), revision: entry.revision });
  }
  return contents;
}

function textOf(row: ProofRow, expiresAt: number | null): string {
  const values = Object.entries(row).map(
    ([name, value]) => `${name}=${name === 'doc' ? JSON.stringify(value) : value}`,
  );
  return `${values.join(' ')} ${expiresAt === null ? 'stays' : 'expires'}`;
}

/** A copy of a table's memory, from which the memory can be restored. */
export class Picture {
  readonly #memory: Buffer;
  #saved: Buffer;

  constructor(memory: ArrayBuffer) {
    this.#memory = Buffer.from(memory);
    this.#saved = Buffer.from(this.#memory);
  }

  take(): void {
    this.#saved = Buffer.from(this.#memory);
  }

  restore(): void {
    this.#saved.copy(this.#memory);
  }
}

/** The folder of posix segments, which may be private to this proof. */
export const shmDirectory = '/dev/shm';

/** The file behind a posix table's memory. */
export function tableFile(name: string): string {
  return `${shmDirectory}/${tableSegment(name)}`;
}

export function tableSegment(name: string): string {
  return `shmtable:${process.env.SHMTABLE_NAMESPACE}:${name}`;
}

/** The key of a table's hash, from its header. */
export function hashKeyOf(name: string): [number, number] {
  const bytes = readFileSync(tableFile(name));
  return [bytes.readInt32LE(24), bytes.readInt32LE(28)];
}
