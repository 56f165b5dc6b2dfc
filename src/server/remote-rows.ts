import type { ReadRow } from '../cluster/cluster-rows.js';
import { ClusterScan } from '../cluster/cluster-scan.js';
import { type ClusterTable, clusterPartsOf } from '../cluster/cluster-table.js';
import { slotOf } from '../cluster/slots.js';
import type { RowValues, TableCodec } from '../json/table-codec.js';
import type { RevisionCondition } from '../table/revision-condition.js';
import type { Columns, Entry, RowInput } from '../table/types.js';
import { BYTES_AT_ONCE } from './remote-operations.js';
import type { Clearing, PageRequest, PageStep, RowStore, StoredRow, WriteRequest, WriteResult } from './row-store.js';
import { widthInJson } from './row-width.js';

/** Operations of one request that are under way at a time: so many, or fewer that read long rows. */
const MOST_AT_ONCE = 1024;
const LEAST_AT_ONCE = 4;
/** The longest page. */
const MAX_ROWS = 1000;
const KEYS_CLEARED_AT_ONCE = 1000;

/** Of a request whose client does not want what is known here: RFC 9111, sections 5.2.1.1 and 5.2.1.4. */
const FRESH = /(?:^|[\s,])(?:no-cache|max-age=0)(?:[\s,]|$)/i;

type Parts = ReturnType<typeof clusterPartsOf>;

/**
 * The rows of a table in a cluster. A row is read from the near cache if this host knows it and can trust it; everything
 * else is one trip to the row's primary, which evaluates conditions itself.
 */
export class RemoteRows implements RowStore {
  readonly codec: TableCodec;
  readonly readsAtOnce: number;
  readonly writesAtOnce = MOST_AT_ONCE;
  readonly size = undefined;
  readonly #table: ClusterTable<Columns>;
  readonly #rows: Parts['rows'];
  readonly #near: Parts['near'];

  constructor(table: ClusterTable<Columns>, codec: TableCodec) {
    this.#table = table;
    this.codec = codec;
    const { rows, near } = clusterPartsOf(table);
    this.#rows = rows;
    this.#near = near;
    const fitting = Math.floor(BYTES_AT_ONCE / widthInJson(table.columns));
    this.readsAtOnce = Math.min(Math.max(fitting, LEAST_AT_ONCE), MOST_AT_ONCE);
  }

  get identity(): object {
    return this.#table;
  }

  get name(): string {
    return this.#table.name;
  }

  get columns(): Columns {
    return this.#table.columns;
  }

  async read(key: string, columns?: readonly string[], cacheControl?: string): Promise<StoredRow | undefined> {
    const near = cacheControl !== undefined && FRESH.test(cacheControl) ? undefined : this.#near;
    if (near === undefined) return this.#envelope(key, await this.#rows.read(key, columns, true), 'primary');
    const known = near.peekRow(key, true);
    if (known !== undefined) return this.#envelope(key, known, 'near');
    const loaded = await near.load(key);
    // A near cache keeps values as they are read; the text of a `json` value is the only one that is stored otherwise.
    const stored = loaded && { ...loaded, row: this.codec.replaced(loaded.row as RowValues) };
    return this.#envelope(key, stored, 'primary');
  }

  #envelope(key: string, found: object | undefined, source: StoredRow['source']): StoredRow | undefined {
    if (found === undefined) return undefined;
    return { ...stored(this.#rows.entryOf(key, found as ReadRow<Columns>)), source };
  }

  async write(mode: 'put' | 'set', key: string, row: RowValues, { ttl, condition }: WriteRequest) {
    const options = { ttl, condition, report: 'expiry' as const };
    const result = await this.#rows.write(mode, key, row as RowInput<Columns>, options);
    return { ...resultOf(result), expiresAt: result.expiresAt ?? null };
  }

  async merge(key: string, row: RowValues, { ttl, condition }: WriteRequest) {
    const options = { ttl, condition, report: 'row' as const };
    const result = await this.#rows.write('update', key, row as RowInput<Columns>, options);
    return {
      ...resultOf(result),
      expiresAt: result.expiresAt ?? null,
      row: result.row as Readonly<RowValues> | undefined,
    };
  }

  async remove(key: string, condition: RevisionCondition | undefined): Promise<WriteResult> {
    return resultOf(await this.#rows.remove(key, { condition }));
  }

  async increment(key: string, column: string, by: number | bigint, { ttl, condition }: WriteRequest) {
    const result = await this.#rows.increment(key, column, by, { ttl, condition });
    return { ...resultOf(result), value: result.value };
  }

  load(key: string, row: RowValues, expiresAt: number | null): Promise<unknown> {
    return this.#rows.write('put', key, row as RowInput<Columns>, { expiresAt });
  }

  async page(cursor: string | undefined, { limit, roomBytes, prefix, columns }: PageRequest): Promise<PageStep> {
    const options = { cursor, limit: Math.min(limit, MAX_ROWS), prefix, columns };
    const page = await this.#scan(options, { form: 'stored', maxBytes: roomBytes });
    return { entries: page.entries.map((entry) => stored(entry)), cursor: page.cursor };
  }

  async keys(cursor: string | undefined, limit: number, prefix: string) {
    const page = await this.#scan({ cursor, limit, prefix }, { form: 'keys' });
    return { keys: page.entries.map(({ key }) => key), cursor: page.cursor };
  }

  #scan(options: ConstructorParameters<typeof ClusterScan>[1], form: ConstructorParameters<typeof ClusterScan>[2]) {
    const rows = this.#rows;
    // A request for a table that has been closed fails when its first command is sent.
    return new ClusterScan<Columns, string>({ rows, assertOpen: () => {} }, options, form);
  }

  clear(): Clearing {
    let next: string | null | undefined;
    return {
      step: async () => {
        const page = await this.keys(next ?? undefined, KEYS_CLEARED_AT_ONCE, '');
        await Promise.all(page.keys.map((key) => this.#rows.remove(key)));
        next = page.cursor;
        return next === null;
      },
    };
  }

  serverOf(key: string): object | undefined {
    try {
      return this.#rows.nodes.ownerOf(slotOf(this.#rows.wireKey(key)));
    } catch {
      // The operation itself refuses the key.
      return undefined;
    }
  }

  loadAhead(): void {
    // The keys' rows are elsewhere.
  }
}

function resultOf({ outcome, revision }: { readonly outcome: string; readonly revision: number }): WriteResult {
  return { outcome: outcome as WriteResult['outcome'], revision };
}

function stored({ key, row, revision, expiresAt }: Omit<Entry<Columns>, 'row'> & { readonly row: object }): StoredRow {
  return { key, revision, expiresAt, row: row as Readonly<RowValues> };
}
