import { ShmTableError, show } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { DEFAULT_SCAN_LIMIT } from '../table/defaults.js';
import { SCAN_OPTIONS } from '../table/option-names.js';
import { integer } from '../table/options.js';
import type { Columns, Row, ScanOptions, ScanPage } from '../table/types.js';
import type { ClusterRows, ReadRow } from './cluster-rows.js';
import { KeyWalk, type WalkPosition } from './key-walk.js';
import { SLOTS } from './slots.js';

const MAX_LIMIT = 10_000;
/** Rows that are read at the same time, if each is short; a longer one is read alone, when its turn comes. */
const ROWS_AT_ONCE = 64;
const SHORT_BYTES = 64 * 1024;
/** The maximum cost of a page: groups of keys walked, and keys looked at. */
const MAX_GROUPS = 4_096;
const MAX_KEYS = 50_000;
/** Bytes of values, after which a page ends. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** Twice the length of the longest cursor. */
const MAX_CURSOR_LENGTH = 4_096;

type ScanEntry<C extends Columns, K extends keyof C & string> = ScanPage<C, K>['entries'][number];

/** Rows; rows with values in their stored form; or only keys, whose rows are not asked for. */
type ScanForm = 'rows' | 'stored' | 'keys';

/** What a scan needs of its table. */
interface Scanned<C extends Columns> {
  readonly rows: ClusterRows<C>;
  assertOpen(): void;
}

/**
 * A scan that has not begun: awaited, it reads one page; iterated over with `for await`, all rows from its cursor on.
 */
export class ClusterScan<C extends Columns, K extends keyof C & string>
  implements PromiseLike<ScanPage<C, K>>, AsyncIterable<ScanEntry<C, K>>
{
  readonly #table: Scanned<C>;
  readonly #limit: number;
  readonly #prefix: string;
  readonly #columns: readonly string[] | undefined;
  readonly #form: ScanForm;
  readonly #maxBytes: number;
  readonly #start: WalkPosition | undefined;

  constructor(
    table: Scanned<C>,
    options: ScanOptions<C, K>,
    { form = 'rows', maxBytes = PAGE_BYTES }: { readonly form?: ScanForm; readonly maxBytes?: number } = {},
  ) {
    checkOptions(options, SCAN_OPTIONS);
    const { cursor, prefix = '', columns, limit = DEFAULT_SCAN_LIMIT } = options;
    this.#table = table;
    this.#limit = integer('limit', limit, 1, MAX_LIMIT);
    this.#prefix = checkPrefix(prefix);
    this.#columns = columns === undefined ? undefined : checkColumns(table.rows, columns);
    this.#form = form;
    this.#maxBytes = Math.min(maxBytes, PAGE_BYTES);
    this.#start = cursor === undefined ? undefined : decodeCursor(cursor, table.rows.nodes.isCluster);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is awaited for a page, as it is iterated over for all rows
  then<A = ScanPage<C, K>, B = never>(
    fulfilled?: ((page: ScanPage<C, K>) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#page().then(fulfilled, rejected);
  }

  async #page(): Promise<ScanPage<C, K>> {
    const { rows } = this.#table;
    const entries: ScanEntry<C, K>[] = [];
    let bytes = 0;
    let groups = 0;
    let looked = 0;
    this.#table.assertOpen();
    for await (const { group, keys, next } of new KeyWalk(rows.nodes, rows.prefix).groups(this.#start, this.#prefix)) {
      for (let done = 0; done < keys.length; ) {
        const few = keys.slice(done, done + Math.min(ROWS_AT_ONCE, this.#limit - entries.length));
        for await (const entry of this.#read(few)) {
          done++;
          if (entry === undefined) continue;
          entries.push(entry);
          bytes += sizeOf(entry.row);
          if (bytes >= this.#maxBytes) break;
        }
        looked += few.length;
        if (entries.length < this.#limit && bytes < this.#maxBytes && looked < MAX_KEYS) continue;
        if (done < keys.length)
          return { entries, cursor: encodeCursor({ group, after: keys[done - 1] }, rows.nodes.isCluster) };
      }
      const isFull = entries.length >= this.#limit || bytes >= this.#maxBytes || looked >= MAX_KEYS;
      if (next !== undefined && (isFull || ++groups >= MAX_GROUPS)) {
        return { entries, cursor: encodeCursor({ group: next, after: undefined }, rows.nodes.isCluster) };
      }
    }
    return { entries, cursor: null };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScanEntry<C, K>> {
    const { rows } = this.#table;
    this.#table.assertOpen();
    for await (const { keys } of new KeyWalk(rows.nodes, rows.prefix).groups(this.#start, this.#prefix)) {
      for (let done = 0; done < keys.length; done += ROWS_AT_ONCE) {
        this.#table.assertOpen();
        for await (const entry of this.#read(keys.slice(done, done + ROWS_AT_ONCE))) {
          if (entry !== undefined) yield entry;
        }
      }
    }
  }

  /** The entries of these keys; undefined for those whose rows are gone. */
  async *#read(keys: readonly string[]): AsyncGenerator<ScanEntry<C, K> | undefined> {
    const { rows } = this.#table;
    const entryOf = (key: string, row: ReadRow<C>): ScanEntry<C, K> => rows.entryOf(key, row) as ScanEntry<C, K>;
    if (this.#form === 'keys') {
      const nothing = { row: {} as Row<C>, revision: 0, msLeft: Number.POSITIVE_INFINITY };
      for (const key of keys) yield entryOf(key, nothing);
      return;
    }
    const isStored = this.#form === 'stored';
    const read = await Promise.all(keys.map((key) => rows.readShort(key, SHORT_BYTES, this.#columns, isStored)));
    for (const [i, key] of keys.entries()) {
      const found = read[i] === 'long' ? await rows.read(key, this.#columns, isStored) : read[i];
      yield found && entryOf(key, found as ReadRow<C>);
    }
  }
}

/** Checks the prefix of keys. `ERR_ARGUMENT`. */
export function checkPrefix(prefix: unknown): string {
  if (typeof prefix === 'string') return prefix;
  throw new ShmTableError('ERR_ARGUMENT', `prefix must be a string, got ${show(prefix)}`);
}

function checkColumns<C extends Columns>(rows: ClusterRows<C>, columns: unknown): readonly string[] {
  if (!Array.isArray(columns)) {
    throw new ShmTableError('ERR_ARGUMENT', `columns must be an array of names, got ${show(columns)}`);
  }
  const names: readonly string[] = [...columns];
  for (const name of names) rows.fields.column(name);
  return names;
}

/** Roughly what the long values of a row take in memory. */
function sizeOf(row: Row<Columns>): number {
  let bytes = 0;
  for (const value of Object.values(row)) {
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
    else if (typeof value === 'object' && value !== null) bytes += JSON.stringify(value).length;
  }
  return bytes;
}

function encodeCursor({ group, after }: WalkPosition, isCluster: boolean): string {
  const parts = [isCluster ? 'slot' : 'scan', group, ...(after === undefined ? [] : [after])];
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** Throws `ERR_ARGUMENT` unless `encodeCursor` created the cursor for such a cluster. */
function decodeCursor(cursor: unknown, isCluster: boolean): WalkPosition {
  if (typeof cursor === 'string' && cursor.length <= MAX_CURSOR_LENGTH) {
    const parts = parse(cursor);
    if (Array.isArray(parts) && parts.length <= 3 && parts[0] === (isCluster ? 'slot' : 'scan')) {
      const [, group, after] = parts;
      const isGroup = typeof group === 'string' && /^\d{1,20}$/.test(group) && (!isCluster || Number(group) < SLOTS);
      if (isGroup && (after === undefined || typeof after === 'string')) return { group, after };
    }
  }
  throw new ShmTableError('ERR_ARGUMENT', `cursor ${show(cursor)} is not one that a scan of this table returned`);
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
