import { ShmTableError } from '../../errors.js';
import { wallTimeMs } from '../../memory/index.js';
import { FixedPool } from '../../pools/fixed-pool.js';
import { HASH_HALF_SIP_1_3, halfSipHash } from '../hash.js';
import type { TableSchema } from '../options.js';
import { parseColumns } from '../schema.js';
import type { Columns, TableBytes } from '../types.js';
import { BUCKET_BYTES, ENTRIES, TARGET_LOAD } from './bucket.js';
import { countCells } from './change-feed.js';
import { expiryGroupsBytes } from './expiry-groups.js';
import { type HeapLayout, layOutHeap } from './heap.js';
import { layOutRow, type RowLayout } from './row.js';
import { SLOT_BYTES } from './slot.js';

/**
 * A table's segment:
 *
 *   +--------+--------------+---------------+--------------+------------------+-----------+-----------+--------+------+
 *   | header | participants | expiry groups | home buckets | overflow buckets | rows      | use bytes | change | heap |
 *   | +schema| 256 B each   | 16 B each     | 64 B each    | FixedPool        | FixedPool | 1 B a row | feed   |      |
 *   +--------+--------------+---------------+--------------+------------------+-----------+-----------+--------+------+
 *
 * Header, by byte:
 *    0  magic          8 B   "SHMTABLE"
 *    8  layoutVersion  u32
 *   12  byteOrder      u32   0x01020304
 *   16  state          u32   READY | FROZEN | MOVED | DESTROYED: see alter/states.ts
 *   20  hashKind       u32
 *   24  hashKey        16 B  random; the hash uses the first two words, all four identify this segment
 *   40  schemaBytes    u32
 *   44  schemaSum      u32   HalfSipHash of the schema, key 0
 *   48  totalBytes     f64
 *   56  revisionBase   f64   added to (epoch, version) of a bucket to make a revision
 *   64  clockOffset    f64   table time = clockOffset + CLOCK_BOOTTIME, in milliseconds since the epoch
 *   72  createdAt      f64   epoch milliseconds
 *   80  generation     u32   how often the table was altered before it came into this segment
 *   84  alterer        u32   process id of the one that alters it, for messages
 *   88  clockHand      u32   where the evictor continues (modulo the number of row slices)
 *   92  inUse          u32   only for a table in a file: see boot-record.ts
 *   96  bootId         16 B  the boot of the machine that clockOffset counts from
 *  112  clockSeen      f64   table time that has certainly passed, recorded occasionally
 *  120  wallAhead      f64   wall time minus table time, recorded with clockSeen: not 0 if the wall clock was set since
 *  128  schema         JSON, UTF-8
 *
 * Everything else is computed from the schema, so nothing can contradict it.
 */

export const MAGIC = Buffer.from('SHMTABLE');
export const LAYOUT_VERSION = 5;
const BYTE_ORDER = 0x01020304;

export const READY = 1;
export const DESTROYED = 2;
/** No write begins or is carried out; readers go on. */
export const FROZEN = 3;
/** The table is in another segment: that of the next generation. */
export const MOVED = 4;

/** Offsets in the header, in words of four bytes; an f64 is at half its offset in a Float64Array. */
export const STATE = 4;
const LAYOUT = 2;
const ORDER = 3;
const HASH_KIND = 5;
export const HASH_KEY = 6;
const SCHEMA_BYTES = 10;
const SCHEMA_SUM = 11;
export const CLOCK_HAND = 22;
export const IN_USE = 23;
const TOTAL_BYTES = 12;
export const REVISION_BASE = 14;
export const CLOCK_OFFSET = 16;
export const CREATED_AT = 18;
export const GENERATION = 20;
export const ALTERER = 21;
export const CLOCK_SEEN = 28;
export const WALL_AHEAD = 30;
export const BOOT_ID = 24;

const SCHEMA_AT = 128;
/** No schema of 1,024 columns is longer than this. */
const MAX_SCHEMA_BYTES = 1 << 18;

/** Revisions that a bucket may produce in a millisecond before a table created later in its place could repeat one. */
const REVISIONS_PER_MS = 2048;

/** Where everything is, in bytes from the start of the segment. */
export interface SegmentLayout {
  readonly schema: TableSchema;
  readonly row: RowLayout;
  readonly participantsAt: number;
  readonly expiryGroupsAt: number;
  readonly indexAt: number;
  readonly homeBuckets: number;
  readonly overflowAt: number;
  readonly overflowBuckets: number;
  readonly rowsAt: number;
  /** Row slices: capacity, plus a spare for each participant. */
  readonly rowSlices: number;
  /** A byte for each row slice, numbered from 1 like the slices; empty unless the table evicts. */
  readonly usesAt: number;
  readonly usesBytes: number;
  /** The change feed; empty unless the table has one. */
  readonly feedAt: number;
  readonly feedCells: number;
  /** Values outside their rows; undefined for a table without long columns. */
  readonly heap: HeapLayout | undefined;
  readonly totalBytes: number;
}

export function layOutSegment(schema: TableSchema): SegmentLayout {
  const row = layOutRow(schema.columns, schema.maxKeyBytes);
  const participantsAt = align64(SCHEMA_AT + Buffer.byteLength(schemaJson(schema)));
  const homeBuckets = Math.ceil(schema.capacity / TARGET_LOAD);
  const expiryGroupsAt = participantsAt + schema.maxParticipants * SLOT_BYTES;
  const indexAt = expiryGroupsAt + expiryGroupsBytes(homeBuckets);
  const overflowAt = indexAt + homeBuckets * BUCKET_BYTES;
  const overflowBuckets = Math.ceil(schema.capacity / ENTRIES) + schema.maxParticipants;
  const rowsAt = overflowAt + FixedPool.bytesFor(overflowBuckets, OVERFLOW_SLICE_BYTES);
  const rowSlices = schema.capacity + schema.maxParticipants;
  const usesAt = rowsAt + FixedPool.bytesFor(rowSlices, row.sliceBytes);
  const usesBytes = schema.evict === 'lru' ? align64(rowSlices + 1) : 0;
  const feedAt = usesAt + usesBytes;
  const feedCells = countCells(schema.changes, schema.maxKeyBytes);
  const heapAt = feedAt + align64(schema.changes);
  const heap = schema.heap === undefined ? undefined : layOutHeap(schema.heap, heapAt);
  const totalBytes = heap === undefined ? heapAt : heap.endAt;
  return {
    schema,
    row,
    participantsAt,
    expiryGroupsAt,
    indexAt,
    homeBuckets,
    overflowAt,
    overflowBuckets,
    rowsAt,
    rowSlices,
    usesAt,
    usesBytes,
    feedAt,
    feedCells,
    heap,
    totalBytes,
  };
}

/** Payload of the FixedPool slice that is an overflow bucket. */
export const OVERFLOW_SLICE_BYTES = BUCKET_BYTES - 8;

/** The same sizes by purpose, for `Table.bytesFor`. */
export function bytesByPurpose(layout: SegmentLayout): TableBytes {
  const spares = layout.schema.maxParticipants * layout.row.rowBytes;
  const rows = layout.usesAt - layout.rowsAt - spares;
  const index = layout.rowsAt - layout.indexAt;
  const { totalBytes } = layout;
  if (layout.heap === undefined)
    return { total: totalBytes, rows, spares, index, other: totalBytes - rows - spares - index };
  const heap = layout.heap.endAt - layout.heap.bitsAt;
  return { total: totalBytes, rows, spares, index, heap, other: totalBytes - rows - spares - index - heap };
}

/** The parts of a new table's header that do not follow from its schema. */
export interface HeaderValues {
  readonly clockOffset: number;
  readonly bootId: Uint8Array;
  readonly seed: Uint8Array;
  readonly leastRevision: number;
  readonly generation: number;
  /** Epoch milliseconds. */
  readonly createdAt: number;
}

/** Writes the header of a new table to zeroed memory. */
export function writeHeader(
  buffer: ArrayBuffer,
  layout: SegmentLayout,
  { clockOffset, bootId, seed, leastRevision, generation, createdAt }: HeaderValues,
): void {
  const words = new Int32Array(buffer, 0, SCHEMA_AT / 4);
  const numbers = new Float64Array(buffer, 0, SCHEMA_AT / 8);
  const bytes = Buffer.from(buffer);
  const schema = Buffer.from(schemaJson(layout.schema));
  const now = wallTimeMs();
  MAGIC.copy(bytes);
  words[LAYOUT] = LAYOUT_VERSION;
  words[ORDER] = BYTE_ORDER;
  words[HASH_KIND] = HASH_HALF_SIP_1_3;
  bytes.set(seed, HASH_KEY * 4);
  words[SCHEMA_BYTES] = schema.length;
  words[SCHEMA_SUM] = checksum(schema);
  numbers[TOTAL_BYTES / 2] = layout.totalBytes;
  numbers[REVISION_BASE / 2] = Math.max(now * REVISIONS_PER_MS, leastRevision);
  numbers[CLOCK_OFFSET / 2] = clockOffset;
  numbers[CREATED_AT / 2] = createdAt;
  numbers[CLOCK_SEEN / 2] = now;
  words[GENERATION] = generation;
  bytes.set(bootId, BOOT_ID * 4);
  schema.copy(bytes, SCHEMA_AT);
  Atomics.store(words, STATE, READY);
}

/**
 * Reads and checks the header of a segment. `ERR_LAYOUT_VERSION` when another version of this package created it,
 * `ERR_TABLE_CORRUPT` when it is not a table or its parts contradict each other, `ERR_TABLE_CLOSED` when it is
 * destroyed.
 */
export function readHeader(buffer: ArrayBuffer, name: string): SegmentLayout {
  if (buffer.byteLength < SCHEMA_AT || Buffer.compare(Buffer.from(buffer, 0, MAGIC.length), MAGIC) !== 0) {
    throw new ShmTableError(
      'ERR_TABLE_CORRUPT',
      `the segment of table ${name} holds no table: its magic number is wrong`,
    );
  }
  const words = new Int32Array(buffer, 0, SCHEMA_AT / 4);
  const numbers = new Float64Array(buffer, 0, SCHEMA_AT / 8);
  if (words[ORDER] !== BYTE_ORDER || words[LAYOUT] !== LAYOUT_VERSION || words[HASH_KIND] !== HASH_HALF_SIP_1_3) {
    throw new ShmTableError(
      'ERR_LAYOUT_VERSION',
      `table ${name} has layout version ${words[LAYOUT]}, byte order 0x${(words[ORDER] >>> 0).toString(16)} and ` +
        `hash ${words[HASH_KIND]}; this package reads version ${LAYOUT_VERSION}, 0x1020304 and hash ${HASH_HALF_SIP_1_3}`,
    );
  }
  const layout = readLayout(buffer, words, numbers, name);
  const state = Atomics.load(words, STATE);
  if (state === DESTROYED) throw new ShmTableError('ERR_TABLE_CLOSED', `table ${name} was destroyed`);
  if (state !== READY && state !== FROZEN && state !== MOVED) corrupt(name, `its state is ${state}`);
  return layout;
}

function readLayout(buffer: ArrayBuffer, words: Int32Array, numbers: Float64Array, name: string): SegmentLayout {
  const schemaBytes = words[SCHEMA_BYTES];
  if (schemaBytes <= 0 || schemaBytes > Math.min(MAX_SCHEMA_BYTES, buffer.byteLength - SCHEMA_AT)) {
    corrupt(name, `its schema would have ${schemaBytes} bytes`);
  }
  const json = Buffer.from(buffer, SCHEMA_AT, schemaBytes);
  if (checksum(json) !== words[SCHEMA_SUM]) corrupt(name, 'the checksum of its schema does not match');
  const layout = layOutSegment(parseSchemaJson(json.toString()));
  const { columns, heap } = layout.schema;
  if (columns.some(({ field }) => field.form === 'long') !== (heap !== undefined)) {
    corrupt(name, 'it has long columns and no heap, or a heap and no long columns');
  }
  const base = numbers[REVISION_BASE / 2];
  if (!(base > 0 && base < Number.MAX_SAFE_INTEGER)) corrupt(name, `its revision base is ${base}`);
  if (!Number.isFinite(numbers[CLOCK_OFFSET / 2])) corrupt(name, `its clock offset is ${numbers[CLOCK_OFFSET / 2]}`);
  const bytes = buffer.byteLength;
  // A backend may round the size up to whole pages; views of eight-byte numbers need a multiple of 8.
  if (numbers[TOTAL_BYTES / 2] !== layout.totalBytes || bytes < layout.totalBytes || bytes % 8 !== 0) {
    corrupt(
      name,
      `its schema needs ${layout.totalBytes} bytes, its header says ${numbers[TOTAL_BYTES / 2]} and the segment has ` +
        `${bytes}`,
    );
  }
  return layout;
}

function corrupt(name: string, why: string): never {
  throw new ShmTableError('ERR_TABLE_CORRUPT', `the header of table ${name} is damaged: ${why}`);
}

/** The schema as stored in the header: columns as a caller writes them, in order. */
function schemaJson(schema: TableSchema): string {
  return JSON.stringify({ ...schema, columns: columnsOf(schema) });
}

function parseSchemaJson(json: string): TableSchema {
  const stored: TableSchema & { columns: unknown } = JSON.parse(json);
  return { ...stored, columns: parseColumns(stored.columns, true) };
}

/** The columns of a parsed schema as a caller writes them. */
export function columnsOf(schema: TableSchema): Columns {
  return Object.fromEntries(schema.columns.map(({ name, type }) => [name, type]));
}

/** The same without the hidden ones. */
export function visibleColumnsOf(schema: TableSchema): Columns {
  return Object.fromEntries(schema.columns.filter(({ isHidden }) => !isHidden).map(({ name, type }) => [name, type]));
}

function checksum(bytes: Buffer): number {
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  Buffer.from(words.buffer).set(bytes);
  return halfSipHash(words, bytes.length, 0, 0);
}

function align64(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
