import { ShmTableError } from '../../errors.js';
import type { TableClock } from '../expiry/table-clock.js';
import type { Writer } from '../hot/write.js';
import { isLong } from '../layout/row.js';
import { columnsOf } from '../layout/segment.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { BucketNumber, WordIndex } from '../layout/units.js';
import { LongRowReading } from '../long-row-reading.js';
import type { TableSchema } from '../options.js';
import { presentWallMs } from '../present.js';
import type { Reader } from '../reader.js';
import type { RowCodec } from '../row-codec.js';
import type { RowSource } from '../row-source.js';
import { parseColumns } from '../schema.js';
import { describeColumns } from '../schema-mismatch.js';
import type { Columns, RestoreOptions, TableOptions } from '../types.js';
import { damaged, PREAMBLE_BYTES } from './format.js';
import type { SnapshotReader } from './reader.js';
import { RowImage } from './row-image.js';
import type { SnapshotSource } from './writer.js';

const NO_IMAGE = Buffer.alloc(0);

/** A row to be written to a snapshot; its key is decoded only when a chain has to be read row by row. */
class PackedRow {
  readonly image: Buffer;
  readonly revision: number;
  readonly #keyOf: () => string;

  constructor(image: Buffer, revision: number, keyOf: () => string) {
    this.image = image;
    this.revision = revision;
    this.#keyOf = keyOf;
  }

  get key(): string {
    return this.#keyOf();
  }
}

/** A table as the source of a snapshot. `proceed` may throw before each chain. */
export function snapshotOf<C extends Columns>(
  table: { memory: TableMemory; reader: Reader<C>; clock: TableClock; name: string },
  proceed: () => void,
): SnapshotSource {
  const { memory, reader, clock, name } = table;
  const { maxParticipants, ...schema } = memory.layout.schema;
  const { columns } = memory.layout.row;
  const pack = (source: RowSource<C>): ((at: WordIndex) => PackedRow) => {
    const rows = new RowImage(memory.layout, source.memory, source.codec.long);
    return (at): PackedRow => {
      const expiresAt = source.expiresAt(at);
      const revision = source.revisionAt(at);
      const image = rows.pack(at, clock.toWall(expiresAt) ?? 0);
      if (image === undefined) source.codec.damage.found = true;
      return new PackedRow(image ?? NO_IMAGE, revision, () => rows.inspect(image ?? NO_IMAGE, 0)?.key ?? '');
    };
  };
  const packed = reader.reading(pack);
  // A chain of rows with long values may be larger than memory.
  const longRows = columns.some(isLong) ? new LongRowReading(reader, columns, '', pack) : undefined;
  return {
    header: {
      name,
      schema: { ...schema, columns: columnsOf(memory.layout.schema), maxParticipants },
      takenAt: Math.floor(presentWallMs()),
    },
    *chains() {
      const end = memory.homeBuckets;
      for (let bucket = 0 as BucketNumber; ; bucket++) {
        proceed();
        bucket = reader.chains.nextFilled(bucket, end);
        if (bucket === end) return;
        if (longRows === undefined) yield imagesOf(reader.chain(bucket, packed));
        else for (const { value } of longRows.rows(bucket, proceed)) yield imagesOf([value]);
      }
    },
  };
}

function imagesOf(rows: readonly PackedRow[]): { readonly images: readonly Buffer[]; readonly revision: number } {
  return {
    images: rows.map(({ image }) => image),
    revision: Math.max(0, ...rows.map(({ revision }) => revision)),
  };
}

/** What a snapshot says about itself, after every checksum in it was verified. */
interface CheckedSnapshot {
  /** The options of the table that the snapshot was taken of. */
  readonly options: TableOptions<Columns>;
  readonly rows: number;
  readonly revision: number;
}

/** Reads a snapshot from beginning to end. `ERR_SNAPSHOT_DAMAGED`, or an error of the file system. */
export async function checkSnapshot(reader: SnapshotReader): Promise<CheckedSnapshot> {
  const options = optionsOf(await reader.header());
  if (options === undefined) throw damaged(reader.path, PREAMBLE_BYTES, 'its header describes no table');
  const blocks = reader.blocks();
  for (;;) {
    const next = await blocks.next();
    if (next.done === true) return { options, ...next.value };
  }
}

function optionsOf(header: unknown): TableOptions<Columns> | undefined {
  if (typeof header !== 'object' || header === null) return undefined;
  const { name, schema } = header as { name?: unknown; schema?: unknown };
  if (typeof name !== 'string' || typeof schema !== 'object' || schema === null) return undefined;
  return { ...(schema as Omit<TableSchema, 'columns'> & { columns: Columns }), name };
}

/** Writes the rows of a checked snapshot to an empty table, except those that have expired meanwhile. */
export async function loadSnapshot(
  reader: SnapshotReader,
  { memory, writer, clock, codec }: { memory: TableMemory; writer: Writer; clock: TableClock; codec: RowCodec },
): Promise<void> {
  const rows = new RowImage(memory.layout, memory, codec.long);
  await reader.header();
  for await (const { payload, offset } of reader.blocks()) {
    for (let at = 0; at < payload.length; ) {
      const image = rows.inspect(payload, at);
      if (image === undefined) throw damaged(reader.path, offset + at, 'the image of a row does not match the schema');
      const expiresAt = image.expiry === 0 ? 0 : clock.fromWall(image.expiry);
      const start = at;
      if (!clock.isPast(expiresAt)) writer.load(image.key, (row) => rows.unpack(payload, start, row), expiresAt);
      at = image.end;
    }
  }
}

/** The options of the table into which a snapshot is restored. `ERR_SCHEMA_MISMATCH` for other columns. */
export function restoredOptions(snapshot: CheckedSnapshot, wanted: RestoreOptions): TableOptions<Columns> {
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const options: TableOptions<Columns> = { ...snapshot.options, ...given };
  const mismatch = describeColumns(parseColumns(snapshot.options.columns), parseColumns(options.columns));
  if (mismatch !== undefined) {
    throw new ShmTableError('ERR_SCHEMA_MISMATCH', `the snapshot has other columns: ${mismatch}`);
  }
  return options;
}
