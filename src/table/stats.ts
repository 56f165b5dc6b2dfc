import { ShmTableError } from '../errors.js';
import type { ByteLocks } from '../memory/index.js';
import type { ExpiredRows } from './expiry/expired-rows.js';
import type { Sweeper } from './expiry/sweeper.js';
import { LINK } from './layout/bucket.js';
import * as slot from './layout/slot.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber } from './layout/units.js';
import type { Participant } from './participant.js';
import type { HeapStats, TableCounts, TableStats } from './types.js';

/** How many expired rows one count removes at most, and how often a count is repeated because others removed rows. */
const ROWS_PER_COUNT = 1000;
const MAX_COUNTS = 4;

/** The sum of one counter over all slots, whether in use or not: counters are never reset. */
export function sumOfCounter(memory: TableMemory, counter: number): number {
  let total = 0;
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    total += memory.doubles[memory.slotWord(number) / 2 + slot.counterAt(counter)];
  }
  return total;
}

/**
 * The number of linked rows according to the counters, including expired ones. O(maxParticipants). The counters are
 * read one after the other while others write, those of removals first, so that every removed row is also counted as
 * inserted.
 */
export function countedRows(memory: TableMemory): number {
  const removed = [slot.DELETES, slot.EXPIRATIONS, slot.EVICTIONS].reduce(
    (rows, by) => rows + sumOfCounter(memory, by),
    0,
  );
  return sumOfCounter(memory, slot.INSERTS) - removed;
}

/**
 * `countedRows` limited to the possible range: an operation that is under way, or whose writer was killed, may be half
 * counted.
 */
function countRows(memory: TableMemory): number {
  return Math.min(Math.max(countedRows(memory), 0), memory.layout.schema.capacity);
}

/**
 * The number of rows that have not expired. A handle that can write removes some of the expired ones itself each time,
 * so that they are not counted again and again. O(maxParticipants + groups), and O(rows of a group) for each group that
 * is due.
 */
export function countLiveRows(memory: TableMemory, expired: ExpiredRows, sweeper: Sweeper | undefined): number {
  if (!expired.areThereAny) return countRows(memory);
  sweeper?.reclaim(ROWS_PER_COUNT);
  for (let tries = 0; ; tries++) {
    const removed = sumOfCounter(memory, slot.EXPIRATIONS);
    const live = countRows(memory) - expired.count();
    // A row that another process removed meanwhile may have been counted as expired and not as removed, or as both.
    if (sumOfCounter(memory, slot.EXPIRATIONS) === removed || tries === MAX_COUNTS) return Math.max(live, 0);
  }
}

/** Blocks of linked rows according to the slots' counts: exact while nobody writes. O(maxParticipants). */
export function countedBlocks(memory: TableMemory): number {
  let blocks = 0;
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    blocks += memory.doubles[(memory.slotWord(number) + slot.HEAP_BLOCKS) / 2];
  }
  return blocks;
}

/** How the heap is used; undefined for a table without long columns. O(maxParticipants + blocks / 32). */
export function readHeap(memory: TableMemory): HeapStats | undefined {
  const { heapBits } = memory;
  const { heap } = memory.layout;
  const { heap: options } = memory.layout.schema;
  if (heapBits === undefined || heap === undefined || options === undefined) return undefined;
  // A half-counted write must not give a negative number.
  const used = Math.min(Math.max(countedBlocks(memory), 0), heap.blocks);
  return {
    bytes: options.bytes,
    blockBytes: heap.blockBytes,
    blocks: heap.blocks,
    used,
    inFlight: Math.max(heapBits.taken() - used, 0),
  };
}

/** What `Table.stats` returns. O(buckets). */
export function readStats(memory: TableMemory, locks: ByteLocks, own: Participant | undefined): TableStats {
  const { rows, capacity, bytes, ...operations } = readCounts(memory, locks, own);
  const heap = readHeap(memory);
  return {
    rows,
    capacity,
    bytes,
    spareRows: spareRows(memory),
    overflowBuckets: memory.overflow.stats().used,
    longestChain: longestChain(memory),
    ...(heap === undefined ? {} : { heap }),
    ...operations,
  };
}

/** What `TableEngine.counts` returns. `ERR_TABLE_CORRUPT`. O(maxParticipants), with a system call for each that is attached. */
export function readCounts(memory: TableMemory, locks: ByteLocks, own: Participant | undefined): TableCounts {
  const { schema, totalBytes } = memory.layout;
  return {
    rows: countRows(memory),
    capacity: schema.capacity,
    bytes: totalBytes,
    inserts: readCounter(memory, slot.INSERTS),
    updates: readCounter(memory, slot.UPDATES),
    deletes: readCounter(memory, slot.DELETES),
    expirations: readCounter(memory, slot.EXPIRATIONS),
    evictions: readCounter(memory, slot.EVICTIONS),
    recoveries: readCounter(memory, slot.RECOVERIES),
    lockWaits: readCounter(memory, slot.LOCK_WAITS),
    participants: attachedSlots(memory, locks, own).length,
  };
}

/** A sum that whoever adds it to others can rely on. */
function readCounter(memory: TableMemory, counter: number): number {
  const total = sumOfCounter(memory, counter);
  if (total >= 0 && total <= Number.MAX_SAFE_INTEGER) return total;
  throw new ShmTableError('ERR_TABLE_CORRUPT', `a counter of the table is damaged: its sum is ${total}`);
}

/** Slots whose byte lock is held. */
export function attachedSlots(memory: TableMemory, locks: ByteLocks, own: Participant | undefined): number[] {
  const attached: number[] = [];
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    if (memory.words[memory.slotWord(number) + slot.PID] === 0) continue;
    if (own?.id === number + 1 || locks.isLocked(number)) attached.push(number);
  }
  return attached;
}

/** Slices that are the spares of slots; a slot keeps its spare when its participant leaves. */
function spareRows(memory: TableMemory): number {
  let spares = 0;
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    if (memory.words[memory.slotWord(number) + slot.SPARE] !== 0) spares++;
  }
  return spares;
}

/** Buckets of the longest chain. */
function longestChain(memory: TableMemory): number {
  let longest = 1;
  for (let bucket = 0 as BucketNumber; bucket < memory.homeBuckets; bucket++) {
    longest = Math.max(longest, chainLength(memory, bucket));
  }
  return longest;
}

/** Buckets of the chain that begins with this one. */
export function chainLength(memory: TableMemory, bucket: BucketNumber): number {
  let length = 1;
  let link = memory.words[memory.homeWord(bucket) + LINK];
  while (memory.isOverflow(link) && length <= memory.overflow.slices) {
    length++;
    link = memory.words[memory.overflowWord(link) + LINK];
  }
  return length;
}
