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

/** Five home buckets; a chain may have three buckets more. */
export const CAPACITY = 32;
const PARTICIPANTS = 6;

export function proofOptions(
  name: string,
  rest: { readonly evict?: 'lru'; readonly changes?: number } = {},
): TableOptions<typeof proofColumns> {
  return {
    name,
    capacity: CAPACITY,
    columns: proofColumns,
    maxParticipants: PARTICIPANTS,
    lockTimeoutMs: 1_000,
    ...rest,
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
  const values = Object.entries(row).map(([name, value]) => `${name}=${value}`);
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

/** The folder of posix segments: a private one of this proof, if its environment says so. */
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
