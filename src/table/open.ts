import { randomBytes } from 'node:crypto';
import { hasCode, ShmTableError } from '../errors.js';
import {
  assertBootTimeKnown,
  type BackendName,
  firstFound,
  firstSupported,
  Segment,
  type SegmentPlace,
  SHARED_BACKENDS,
  wallTimeMs,
} from '../memory/index.js';
import { markDestroyed } from './alter/states.js';
import { bootIdBytes, enterBoot } from './boot-record.js';
import { ChangeFeed } from './changes/change-feed.js';
import { newClockOffset } from './expiry/table-clock.js';
import {
  GENERATION,
  HASH_KEY,
  type HeaderValues,
  layOutSegment,
  MOVED,
  readHeader,
  STATE,
  writeHeader,
} from './layout/segment.js';
import { TableMemory } from './layout/table-memory.js';
import { segmentName } from './list.js';
import { type AttachOptions, type TableSchema, wantedSchema } from './options.js';
import { describeMismatch } from './schema-mismatch.js';
import type { OpenOptions } from './types.js';

/** A word index is halved with 32-bit operators to find a number of 8 bytes, so it must fit in 32 bits. */
const MAX_TABLE_BYTES = 2 ** 34;

/** Enough for any header, including the mark of a destroyed table. */
const HEAD_BYTES = 4096;

/** A table's segment, mapped and checked. Whoever receives it must close the segment. */
export interface OpenedTable {
  readonly segment: Segment;
  readonly memory: TableMemory;
}

/** What a table that is altered takes over from itself. */
interface Origin extends Pick<HeaderValues, 'clockOffset' | 'seed' | 'createdAt' | 'generation'> {
  /** Where the new segment is until it replaces the old one. */
  readonly place: SegmentPlace;
}

/** The segment that a table has left. */
interface MovedTable {
  readonly segment: Segment;
  readonly memory: Pick<TableMemory, 'words'>;
}

/** Attaches to a table. Closing what it returns also closes the segment. */
type Attaching<T> = (opened: OpenedTable) => T;

/** A table that nobody else can open before it is published. */
interface UnpublishedTable<T> {
  readonly attached: T;
  /** `ERR_TABLE_EXISTS` when the name has been taken meanwhile, and what `Segment.publish` throws. */
  publish(): void;
}

/**
 * Creates a table and attaches to it. The table becomes visible when both are done, so that a failure of either leaves
 * nothing behind. `ERR_TABLE_EXISTS`, and what `Segment.create` throws.
 */
export function createTable<T extends { close(): void }>(
  attach: AttachOptions,
  schema: TableSchema,
  attachTo: Attaching<T>,
): T {
  return onBackend(attach, (backend) => {
    const { attached, publish } = prepareTable({ ...attach, backend }, schema, attachTo);
    try {
      publish();
      return attached;
    } catch (error) {
      attached.close();
      throw error;
    }
  });
}

/**
 * Creates a table that is not visible before `publish`, and attaches to it. Nothing of it remains if it is closed
 * before that, or if the process ends. All its revisions are at least `leastRevision`. `ERR_TABLE_EXISTS` when the
 * name is taken already, and what `Segment.createNameless` throws.
 */
export function prepareTable<T>(
  attach: AttachOptions,
  schema: TableSchema,
  attachTo: Attaching<T>,
  { leastRevision = 0, origin }: { leastRevision?: number; origin?: Origin } = {},
): UnpublishedTable<T> {
  assertBootTimeKnown();
  const { name, hugePages } = attach;
  const layout = layOutSegment(schema);
  if (layout.totalBytes > MAX_TABLE_BYTES) {
    throw new ShmTableError(
      'ERR_SEGMENT_TOO_LARGE',
      `table ${name} would take ${layout.totalBytes} bytes, the limit is ${MAX_TABLE_BYTES}`,
    );
  }
  const options = { ...(origin?.place ?? placeOf(attach)), size: layout.totalBytes, hugePages };
  const segment = asTable(attach, () =>
    onBackend(attach, (backend) => Segment.createNameless({ ...options, backend })),
  );
  try {
    const { buffer } = segment;
    writeHeader(buffer, layout, {
      clockOffset: newClockOffset(),
      bootId: bootIdBytes(),
      seed: randomBytes(16),
      createdAt: wallTimeMs(),
      generation: 0,
      leastRevision,
      ...origin,
    });
    const memory = TableMemory.create(buffer, layout);
    if (layout.feedCells > 0) new ChangeFeed(memory).beginAt(1);
    const attached = attachTo({ segment, memory });
    return { attached, publish: () => asTable(attach, () => segment.publish()) };
  } catch (error) {
    segment.close();
    throw error;
  }
}

/** Calls with the backend that is wanted, for `auto` with each until the host supports one. */
function onBackend<T>({ backend: wanted }: AttachOptions, attempt: (backend: BackendName) => T): T {
  return wanted === 'auto' ? firstSupported(SHARED_BACKENDS, attempt) : attempt(wanted);
}

/** Turns the error for a segment name that is taken into one for the table. */
function asTable<T>({ name, namespace }: AttachOptions, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_EXISTS')) throw error;
    throw new ShmTableError('ERR_TABLE_EXISTS', `there is a table ${name} in namespace ${namespace} already`, {
      cause: error,
    });
  }
}

/**
 * Opens a table and checks its header, and its schema against `wanted`. `ERR_TABLE_NOT_FOUND`, `ERR_SCHEMA_MISMATCH`,
 * `ERR_LAYOUT_VERSION`, `ERR_TABLE_CORRUPT`, `ERR_PERMISSION`.
 */
export function openTable(attach: AttachOptions, wanted: OpenOptions): OpenedTable {
  assertBootTimeKnown();
  for (let moves = 0; moves < MAX_RACES; moves++) {
    const opened = openGeneration(attach, wanted);
    if (opened !== undefined) return opened;
  }
  throw new ShmTableError('ERR_TABLE_CORRUPT', `table ${attach.name} moves to another segment without end`);
}

/** Opens what has the table's name; undefined when the table has moved, and its name now leads to another segment. */
function openGeneration(attach: AttachOptions, wanted: OpenOptions): OpenedTable | undefined {
  const segment = openSegment(attach);
  try {
    const layout = readHeader(segment.buffer, attach.name);
    const memory = TableMemory.open(segment.buffer, layout);
    if (Atomics.load(memory.words, STATE) === MOVED) {
      if (!finishMove(attach, { segment, memory })) {
        throw new ShmTableError('ERR_TABLE_CORRUPT', `table ${attach.name} has moved to a segment that is not there`);
      }
      segment.close();
      return undefined;
    }
    checkSchema(attach.name, layout.schema, wanted);
    if (segment.backend === 'file') enterBoot(segment, memory, attach.name, attach.path);
    return { segment, memory };
  } catch (error) {
    const destroyed = hasCode(error, 'ERR_TABLE_CLOSED');
    // Marked by a `destroy` that is about to unlink the name, or was killed before it could.
    if (destroyed && !segment.readOnly) removeDestroyed(attach, segment);
    segment.close();
    if (destroyed) throw notFound(attach);
    throw error;
  }
}

/** Where a table's segment is. */
function placeOf({ namespace, name, path }: AttachOptions): SegmentPlace {
  return { name: segmentName(namespace, name), path };
}

/** Where the next generation of a table is until the table's name leads to it. No two have the same place. */
export function nextPlace(attach: AttachOptions, { words }: Pick<TableMemory, 'words'>): SegmentPlace {
  const { name, path } = placeOf(attach);
  const mark = `${words[GENERATION] + 1}-${(words[HASH_KEY] >>> 0).toString(16)}`;
  return path === undefined ? { name: `${name}:${mark}` } : { name, path: `${path}.${mark}` };
}

/**
 * Lets the name of a table that has moved lead to the next generation. The one who altered the table does so, and
 * whoever comes across a segment that is MOVED, in case that one died before: renaming is repeatable. False when the
 * name leads to the old segment and will continue to: there is no next generation.
 */
export function finishMove(attach: AttachOptions, { segment, memory }: MovedTable): boolean {
  if (!Segment.canMove(segment.backend)) return false;
  return Segment.move(segment.backend, nextPlace(attach, memory), placeOf(attach)) || !isNamed(attach, segment);
}

/** Whether the table's name leads to this segment. */
function isNamed(attach: AttachOptions, { backend, identity, readOnly }: Segment): boolean {
  try {
    return Segment.identify({ ...placeOf(attach), backend, readOnly }) === identity;
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw error;
    return false;
  }
}

/** Removes a next generation that nothing points to: one that was published and did not become the table. */
export function removeNext(attach: AttachOptions, { segment: { backend }, memory }: MovedTable): void {
  if (!Segment.canMove(backend)) return;
  try {
    const segment = Segment.open({ backend, ...nextPlace(attach, memory), firstBytes: HEAD_BYTES });
    segment.unlink();
    segment.close();
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw error;
  }
}

/** Throws `ERR_SCHEMA_MISMATCH` when a table's schema differs from `wanted`. */
export function checkSchema(name: string, schema: TableSchema, wanted: OpenOptions): void {
  const mismatch = describeMismatch(schema, wantedSchema(schema, wanted));
  if (mismatch === undefined) return;
  throw new ShmTableError('ERR_SCHEMA_MISMATCH', `table ${name} has another schema: ${mismatch}`);
}

/** How often the table may appear and disappear between two steps before that is no longer considered a race. */
const MAX_RACES = 1_000;

/**
 * Opens or creates the table, whichever applies, and attaches, without races between processes. `ERR_TABLE_CORRUPT`
 * when the name belongs to something else.
 */
export function openOrCreateTable<T extends { close(): void }>(
  attach: AttachOptions,
  schema: TableSchema,
  wanted: OpenOptions,
  attachTo: Attaching<T>,
): T {
  for (let races = 0; races < MAX_RACES; races++) {
    const opened = openIfThere(attach, wanted);
    if (opened !== undefined) return attachOrClose(opened, attachTo);
    try {
      return createTable(attach, schema, attachTo);
    } catch (error) {
      if (!hasCode(error, 'ERR_TABLE_EXISTS')) throw error;
    }
  }
  throw new ShmTableError(
    'ERR_TABLE_CORRUPT',
    `what has the name of table ${attach.name} in namespace ${attach.namespace} is no table`,
  );
}

function openIfThere(attach: AttachOptions, wanted: OpenOptions): OpenedTable | undefined {
  try {
    return openTable(attach, wanted);
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_NOT_FOUND') || attach.readOnly) throw error;
    return undefined;
  }
}

/** Attaches, and closes the segment if that fails. */
export function attachOrClose<T>(opened: OpenedTable, attachTo: Attaching<T>): T {
  try {
    return attachTo(opened);
  } catch (error) {
    opened.segment.close();
    throw error;
  }
}

/**
 * Destroys a table without attaching to it, even one that cannot be mapped here, or that has moved to a segment which is
 * not there. `ERR_TABLE_NOT_FOUND`.
 */
export function destroyTable(attach: AttachOptions): void {
  for (;;) {
    const segment = openForRemoval(attach);
    try {
      if (destroySegment(attach, segment)) return;
      if (finishMove(attach, { segment, memory: headOf(segment) })) continue;
      segment.unlink();
      return;
    } finally {
      segment.close();
    }
  }
}

/**
 * Maps all of the table, or only its beginning if it is larger than one ArrayBuffer can be, or has holes for which
 * there is no space: the mark is there, and unlinking a name needs no mapping. Its sleeping watchers are not woken
 * then.
 */
function openForRemoval(attach: AttachOptions): Segment {
  try {
    return openSegment(attach);
  } catch (error) {
    if (!hasCode(error, 'ERR_SEGMENT_TOO_LARGE') && !hasCode(error, 'ERR_SEGMENT_NO_SPACE')) throw error;
    return openSegment(attach, HEAD_BYTES);
  }
}

/**
 * Marks the segment, so that all its handles throw from then on, and unlinks its name. In the opposite order, others
 * would continue to write to a table that can no longer be found. Also removes an invalid table. False, and nothing is
 * done, when the table has moved to another segment.
 */
export function destroySegment(attach: AttachOptions, segment: Segment): boolean {
  const feed = feedOf(segment);
  const memory = headOf(segment);
  const isTable = memory.words.length > HASH_KEY;
  if (isTable && !markDestroyed(memory.words)) return false;
  feed?.wake();
  if (isTable) removeDestroyed(attach, segment);
  else segment.unlink();
  return true;
}

/** The name last: only through it does anyone find a segment that an alteration has left beside it. */
function removeDestroyed(attach: AttachOptions, segment: Segment): void {
  removeNext(attach, { segment, memory: headOf(segment) });
  segment.unlink();
}

/** The words of a segment's header; fewer if it is shorter. */
function headOf(segment: Segment): { readonly words: Int32Array } {
  return { words: new Int32Array(segment.buffer, 0, Math.min(HEAD_BYTES, segment.size) >>> 2) };
}

function feedOf(segment: Segment): ChangeFeed | undefined {
  try {
    const layout = readHeader(segment.buffer, segment.name);
    return layout.feedCells === 0 ? undefined : new ChangeFeed(TableMemory.open(segment.buffer, layout));
  } catch (error) {
    if (error instanceof ShmTableError) return undefined;
    throw error;
  }
}

function openSegment(attach: AttachOptions, firstBytes?: number): Segment {
  const { backend, readOnly } = attach;
  try {
    const options = { ...placeOf(attach), readOnly, firstBytes };
    if (backend !== 'auto') return Segment.open({ ...options, backend });
    return firstFound(SHARED_BACKENDS, (found) => Segment.open({ ...options, backend: found }));
  } catch (error) {
    if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) throw notFound(attach, error);
    throw error;
  }
}

function notFound({ name, namespace }: { name: string; namespace: string }, cause?: unknown): ShmTableError {
  return new ShmTableError('ERR_TABLE_NOT_FOUND', `there is no table ${name} in namespace ${namespace}`, { cause });
}
