import type { FixedPool } from '../pools/fixed-pool.js';
import { FREE, LINKED } from '../pools/fixed-pool-layout.js';
import { ExpiryGroups } from './expiry/expiry-groups.js';
import { halfSipHash } from './hash.js';
import { ENTRIES, FIRST_ENTRY, LINK, LOCK, tagByte, tagOf } from './layout/bucket.js';
import { ROW_EXPIRES_AT, ROW_HASH, ROW_KEY_LENGTH, ROW_SEQUENCE } from './layout/row.js';
import { HASH_KEY } from './layout/segment.js';
import * as slot from './layout/slot.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, RowNumber } from './layout/units.js';
import { countedRows } from './stats.js';
import type { Verification } from './types.js';
import { type Report, verifyHeap } from './verify-heap.js';

/** Problems beyond this number are counted, not listed. */
const MAX_PROBLEMS = 100;

/**
 * Checks every invariant that holds while no operation is under way:
 * - no bucket is locked, no journal is open
 * - chains are compact, end, and share no bucket; an overflow bucket is LINKED exactly when it is in a chain
 * - a row is LINKED exactly when one entry holds it, in the chain of its hash's home bucket, under its tag; its hash is
 *   that of its key, its sequence is even; no key occurs twice
 * - no row expires before its group is due
 * - a slice that is neither free nor linked is the spare of the participant whose id is in its owner word
 * - free slices + linked rows = capacity; the counters add up to the linked rows; the pools' hints agree
 * - what `verifyHeap` checks
 * O(segment).
 */
export function verifyTable(memory: TableMemory): Verification {
  const problems: string[] = [];
  let more = 0;
  const report = (problem: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem);
    else more++;
  };
  const linked = checkChains(memory, new ExpiryGroups(memory), report);
  checkRows(memory, linked.rows, report);
  checkOwners('overflow bucket', memory.overflow, linked.buckets, new Map(), report);
  verifyHeap(memory, linked.rows, report);
  const counted = countedRows(memory);
  if (counted !== linked.rows.size) report(`the counters say ${counted} rows, ${linked.rows.size} are linked`);
  if (more > 0) problems.push(`… and ${more} more`);
  return { ok: problems.length === 0, problems };
}

interface Linked {
  readonly rows: Set<number>;
  readonly buckets: Set<number>;
}

function checkChains(memory: TableMemory, groups: ExpiryGroups, report: Report): Linked {
  const linked: Linked = { rows: new Set(), buckets: new Set() };
  for (let bucket = 0 as BucketNumber; bucket < memory.homeBuckets; bucket++) {
    const home = memory.homeWord(bucket);
    const lock = Atomics.load(memory.words, home + LOCK);
    if (lock !== 0) report(`bucket ${bucket} is locked: 0x${(lock >>> 0).toString(16)}`);
    checkChain(memory, groups, bucket, linked, report);
  }
  return linked;
}

function checkChain(
  memory: TableMemory,
  groups: ExpiryGroups,
  bucket: BucketNumber,
  linked: Linked,
  report: Report,
): void {
  const keys = new Set<string>();
  let at = memory.homeWord(bucket);
  for (let ended = false; ; ) {
    for (let position = 0; position < ENTRIES; position++) {
      const row = memory.words[at + FIRST_ENTRY + position];
      if (row === 0) {
        ended = true;
        continue;
      }
      const where = `bucket ${bucket}, row ${row}`;
      if (ended) report(`${where}: follows an empty entry`);
      if (!memory.isRow(row)) {
        report(`${where}: there is no such row`);
        continue;
      }
      if (linked.rows.has(row)) report(`${where}: is linked twice`);
      linked.rows.add(row);
      checkRow(memory, groups, bucket, row, memory.bytes[tagByte(at, position)], keys, where, report);
    }
    const next = memory.words[at + LINK];
    if (next === 0) return;
    if (!memory.isOverflow(next)) {
      report(`bucket ${bucket}: links to overflow bucket ${next}, which does not exist`);
      return;
    }
    if (linked.buckets.has(next)) {
      report(`bucket ${bucket}: overflow bucket ${next} is in two chains or in a cycle`);
      return;
    }
    linked.buckets.add(next);
    at = memory.overflowWord(next);
    if (memory.words[at + FIRST_ENTRY] === 0) report(`bucket ${bucket}: overflow bucket ${next} is empty`);
  }
}

function checkRow(
  memory: TableMemory,
  groups: ExpiryGroups,
  bucket: BucketNumber,
  row: RowNumber,
  tag: number,
  keys: Set<string>,
  where: string,
  report: Report,
): void {
  const { words } = memory;
  const at = memory.rowWord(row);
  const { keyOffset } = memory.layout.row;
  const bytes = words[at + ROW_KEY_LENGTH];
  const hash = words[at + ROW_HASH];
  if ((words[at + ROW_SEQUENCE] & 1) !== 0)
    report(`${where}: is unfinished (sequence ${words[at + ROW_SEQUENCE] >>> 0})`);
  if (bytes < 1 || bytes > memory.layout.schema.maxKeyBytes) {
    report(`${where}: its key has ${bytes} bytes`);
    return;
  }
  const keyWords = words.subarray(at + keyOffset / 4, at + keyOffset / 4 + Math.ceil(bytes / 4));
  if (halfSipHash(keyWords, bytes, words[HASH_KEY], words[HASH_KEY + 1]) !== hash)
    report(`${where}: its hash is not its key's`);
  if (memory.bucketOf(hash) !== bucket) report(`${where}: belongs to bucket ${memory.bucketOf(hash)}`);
  if (tagOf(hash) !== tag) report(`${where}: its tag is ${tag}, its hash says ${tagOf(hash)}`);
  const key = memory.bytes.toString('latin1', at * 4 + keyOffset, at * 4 + keyOffset + bytes);
  const expiresAt = memory.doubles[(at + ROW_EXPIRES_AT) / 2];
  if (expiresAt !== 0 && !(groups.soonestOf(bucket) <= expiresAt))
    report(`${where}: expires at ${expiresAt}, its group is not due before ${groups.soonestOf(bucket)}`);
  if (keys.has(key)) report(`${where}: its key occurs twice`);
  keys.add(key);
}

function checkRows(memory: TableMemory, linkedRows: Set<number>, report: Report): void {
  const spares = new Map<number, number>();
  const { maxParticipants, capacity } = memory.layout.schema;
  for (let number = 0; number < maxParticipants; number++) {
    const at = memory.slotWord(number);
    if (memory.words[at + slot.OPERATION] !== slot.NONE) report(`participant ${number + 1} has an operation open`);
    // A slot that was never used keeps the slice of its own number: not available to the pool, and untouched, unless
    // the first participant to attach was killed between taking the slice and recording that in the slot; the next one
    // takes it again.
    const spare = memory.words[at + slot.SPARE] || number + 1;
    if (spares.has(spare)) report(`row ${spare} is the spare of two participants`);
    const isTaken = memory.words[at + slot.SPARE] !== 0 || memory.rows.ownerOf(spare) === number + 1;
    spares.set(spare, isTaken ? number + 1 : FREE);
  }
  checkOwners('row', memory.rows, linkedRows, spares, report);
  const free = memory.rowSlices - spares.size - linkedRows.size;
  if (free < 0 || free + linkedRows.size !== capacity)
    report(`${linkedRows.size} linked rows and ${spares.size} spares of ${memory.rowSlices} slices`);
}

/**
 * Checks each slice: LINKED when linked, its participant's when a spare, else free; and its bit taken unless it is
 * free.
 */
function checkOwners(
  what: string,
  pool: FixedPool,
  linked: Set<number>,
  spares: Map<number, number>,
  report: Report,
): void {
  for (let slice = 1; slice <= pool.slices; slice++) {
    const owner = pool.ownerOf(slice);
    const expected = linked.has(slice) ? LINKED : (spares.get(slice) ?? FREE);
    if (owner !== expected) report(`${what} ${slice} has owner ${owner}, expected ${expected}`);
    const taken = owner !== FREE || spares.has(slice);
    if (pool.isTaken(slice) !== taken)
      report(`${what} ${slice} has owner ${owner}, its bit says ${taken ? 'free' : 'taken'}`);
  }
  for (const problem of pool.problems()) report(`${what}s: ${problem}`);
}
