import { ShmTableError } from '../../errors.js';
import { futexWait, monotonicMs, Segment, sleep } from '../../memory/index.js';
import { ChangeFeed } from '../changes/change-feed.js';
import { constants } from '../layout/constants.js';
import { CLOCK_OFFSET, CREATED_AT, GENERATION, HASH_KEY } from '../layout/segment.js';
import { PID } from '../layout/slot.js';
import type { TableMemory } from '../layout/table-memory.js';
import type { BucketNumber } from '../layout/units.js';
import { finishMove, nextPlace, type OpenedTable, prepareTable, removeNext } from '../open.js';
import type { AttachOptions, TableSchema } from '../options.js';
import { countedRows } from '../stats.js';
import { TableHandle } from '../table-handle.js';
import type { Alteration, Columns } from '../types.js';
import { beginAlteration, endAlteration, freeze, move, thaw, wake } from './states.js';
import { TableCopy } from './table-copy.js';

const { HOLDER_MASK, LOCK } = constants.bucket;

/** Longest wait for another one who alters the table, in milliseconds. */
const TURN_TIMEOUT_MS = 60_000;
const NAP_MS = 2;

/*
 * Altering a table:
 *
 *   1. the right to alter it is a byte lock of its segment, which the kernel releases if we die
 *   2. a new segment without a name is created, with the same hash and the same table time, and the rows are copied
 *      while others read and write
 *   3. the table is FROZEN: writers wait from now on. When all that had begun are done, the rest is copied
 *   4. the new segment gets a place of its own beside the table's name, which only a segment that is MOVED points to
 *   5. the table is MOVED: this one store decides. Until then the table is whole in the old segment, and whoever finds
 *      us dead thaws it; from then on it is whole in the new one, and whoever finds the old segment goes there
 *   6. the table's name is given to the new segment
 *
 * Nobody can write to the new segment before step 5, and nobody begins to read in the old one after it.
 */

/**
 * Gives the table the schema that `wantedOf` returns for its present one. `ERR_TABLE_NOT_FOUND`,
 * `ERR_BACKEND_UNSUPPORTED`, `ERR_LOCK_TIMEOUT`, what creating a table throws, and the error of the first row that does
 * not fit; the table is as before then. O(rows + bytes).
 */
export function alterTable(attach: AttachOptions, wantedOf: (stored: TableSchema) => TableSchema): Alteration {
  const began = monotonicMs();
  const deadline = began + TURN_TIMEOUT_MS;
  for (;;) {
    const table = TableHandle.open(attach);
    // Others may alter it in any way before it is our turn.
    table.dependOn([]);
    // The schema that is wanted follows from that of one segment, so it must not be given to another.
    const { parts, release } = table.hold({});
    try {
      const { schema } = parts.memory.layout;
      const wanted = wantedOf(schema);
      if (JSON.stringify(wanted) === JSON.stringify(schema)) return unaltered(parts, began);
      assertMovable(table.name, parts);
      const done = whileAltering(attach, table, parts, () => alter(table, attach, wanted, began));
      if (done !== undefined) return done;
      if (monotonicMs() >= deadline) {
        throw new ShmTableError(
          'ERR_LOCK_TIMEOUT',
          `table ${table.name} has been altered by another process for more than ${TURN_TIMEOUT_MS} ms`,
        );
      }
    } finally {
      release();
      table.close();
    }
    sleep(NAP_MS);
  }
}

function unaltered({ memory }: OpenedTable, began: number): Alteration {
  const bytes = memory.layout.totalBytes;
  return { altered: false, rows: 0, bytes, durationMs: monotonicMs() - began, heldMs: 0 };
}

function assertMovable(name: string, { segment: { backend } }: OpenedTable): void {
  if (Segment.canMove(backend)) return;
  throw new ShmTableError(
    'ERR_BACKEND_UNSUPPORTED',
    `table ${name} cannot be altered: a ${backend} segment cannot be replaced under its name`,
  );
}

/** Runs `run` with the right to alter the table; undefined when another one has it, or the table has left `parts`. */
function whileAltering<T>(
  attach: AttachOptions,
  table: TableHandle<Columns>,
  { memory, segment }: OpenedTable,
  run: () => T,
): T | undefined {
  const locks = segment.openByteLocks();
  try {
    if (!beginAlteration(locks, memory.words, () => removeNext(attach, { segment, memory }))) return undefined;
    try {
      return table.memory === memory ? run() : undefined;
    } finally {
      thaw(memory.words);
      endAlteration(locks);
    }
  } finally {
    locks.close();
  }
}

function alter(table: TableHandle<Columns>, attach: AttachOptions, wanted: TableSchema, began: number): Alteration {
  const { memory, segment } = table;
  const { words, doubles, bytes } = memory;
  // Whoever thawed the table after an alteration was killed may have been killed, or refused, before it removed this.
  removeNext(attach, { segment, memory });
  const place = nextPlace(attach, memory);
  const here: AttachOptions = { ...attach, backend: segment.backend, readOnly: false };
  const { attached: copied, publish } = prepareTable(here, wanted, (opened) => TableHandle.attachTo(opened, here), {
    origin: {
      place,
      clockOffset: doubles[CLOCK_OFFSET / 2],
      seed: Buffer.from(bytes.subarray(HASH_KEY * 4, HASH_KEY * 4 + 16)),
      createdAt: doubles[CREATED_AT / 2],
      generation: words[GENERATION] + 1,
    },
  });
  try {
    const copy = new TableCopy(table, copied);
    copy.copyMost();
    // A file is written to disk before it gets its name: most of it now, while nobody waits for that.
    if (copied.segment.backend === 'file') copied.segment.sync();
    const frozen = monotonicMs();
    if (!freeze(words)) throw destroyed(table.name);
    awaitWriters(table, copied.lockTimeoutMs);
    copy.finish();
    copy.continueTable();
    const result = { altered: true, rows: countedRows(copied.memory), bytes: copied.memory.layout.totalBytes };
    publish();
    if (!move(words)) {
      removeNext(attach, { segment, memory });
      throw destroyed(table.name);
    }
    renameIfPossible(attach, { segment, memory });
    wake(words);
    if (memory.layout.feedCells > 0) new ChangeFeed(memory).wake(true);
    const now = monotonicMs();
    return { ...result, durationMs: now - began, heldMs: now - frozen };
  } finally {
    copied.close();
  }
}

/** The table has moved already. Whoever comes across the old segment renames, too, and reports what prevents it. */
function renameIfPossible(attach: AttachOptions, moved: OpenedTable): void {
  try {
    finishMove(attach, moved);
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
  }
}

function destroyed(name: string): ShmTableError {
  return new ShmTableError('ERR_TABLE_CLOSED', `table ${name}: the table was destroyed`);
}

/**
 * Waits until every bucket of a FROZEN table has been seen unlocked, and settles what the dead have left: from then on
 * its rows do not change. `ERR_LOCK_TIMEOUT` when a live writer keeps a lock for `timeoutMs`.
 */
function awaitWriters(table: TableHandle<Columns>, timeoutMs: number): void {
  const { memory, writing } = table;
  const deadline = monotonicMs() + timeoutMs;
  // A write of this thread that was interrupted may have left a lock behind.
  writing?.participant.settle();
  for (let bucket = 0 as BucketNumber; bucket < memory.homeBuckets; bucket++) {
    const lock = memory.homeWord(bucket) + LOCK;
    for (;;) {
      const held = Atomics.load(memory.words, lock);
      if (held === 0) break;
      const holder = held & HOLDER_MASK;
      if (writing?.participant.settleHolder(holder, bucket) === true) continue;
      if (monotonicMs() >= deadline) throw heldTooLong(memory, table.name, holder - 1, timeoutMs);
      futexWait(memory.words, lock, held, 1);
    }
  }
  writing?.participant.settleDead();
}

function heldTooLong(memory: TableMemory, name: string, holder: number, timeoutMs: number): ShmTableError {
  const pid = memory.words[memory.slotWord(holder) + PID];
  return new ShmTableError(
    'ERR_LOCK_TIMEOUT',
    `table ${name} was not altered: process ${pid} (participant ${holder + 1}) has been in a write for ` +
      `lockTimeoutMs = ${timeoutMs}`,
  );
}
