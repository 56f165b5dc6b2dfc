import { ShmTableError } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { checkInteger, checkOffset, checkRoom, type PoolStats, wordsOf } from './pool-memory.js';
import * as layout from './ring-buffer-layout.js';
import { RingLock } from './ring-buffer-lock.js';
import { type RingMemory, RingOwners } from './ring-buffer-owners.js';
import { RingRecords } from './ring-buffer-records.js';

export interface RingBufferOptions {
  /** Bytes of records, each with 24 bytes of its own: 64 .. 2^31-8, rounded up to a multiple of 8. */
  readonly bytes: number;
  /** Where in the segment the ring begins, in bytes; a multiple of 64. Default 0. */
  readonly offset?: number | undefined;
}

/** A committed record. */
export interface RingRecord {
  /** Rises by 1 from record to record, from 1; the number of one that was given up is missing. */
  readonly sequence: number;
  /** Where its bytes begin in the segment. */
  readonly offset: number;
  readonly bytes: number;
}

const MIN_BYTES = 64;
const MAX_BYTES = 2 ** 31 - layout.UNIT_BYTES;

/**
 * Records of any length in shared memory, read in the order in which they were allocated and collected from the oldest
 * on, by any number of producers and consumers in any number of processes.
 *
 * A record is allocated, written, committed, read, and freed by whoever says that it is no longer needed; its memory is
 * used again when all older records are freed too. One whose producer dies before `commit` is passed over by everybody
 * from then on. A living producer is waited for, however slow it is: readers wait before its record, so that they miss
 * nothing, and the memory behind it stays.
 *
 * `alloc` and `settle` hold a lock for less than a microsecond as a rule; `commit` and `free` are one compare-and-swap;
 * `read` stores nothing and works on a segment that was opened read-only.
 *
 * Thread safety: every method may be called from any process or thread at once, each through a handle of its own.
 * `create` and `destroy` may not run beside anything else. After `segment.grow`, open the ring anew.
 */
export class RingBuffer {
  /** Bytes of records. */
  readonly bytes: number;
  /** Most bytes of one record: an empty ring holds one of these. */
  readonly maxRecordBytes: number;
  readonly #words: Int32Array;
  readonly #offset: number;
  readonly #readOnly: boolean;
  readonly #records: RingRecords;
  readonly #owners: RingOwners;
  readonly #lock: RingLock;
  /** Whether the lock was held since the id was taken: before, unfinished records of that id are a dead one's. */
  #hasEntered = false;
  /** Every record before this position is free. */
  #freedPosition = 0;
  /** Every record above the sequence stands at the position or behind it: where a `read` that follows goes on. */
  #passedSequence = 0;
  #passedPosition = 0;

  private constructor(segment: RingMemory, buffer: ArrayBuffer, offset: number, units: number) {
    this.bytes = units * layout.UNIT_BYTES;
    this.maxRecordBytes = this.bytes - layout.RECORD_UNITS * layout.UNIT_BYTES;
    this.#words = wordsOf(buffer);
    this.#offset = offset;
    this.#readOnly = segment.readOnly;
    this.#records = new RingRecords(buffer, offset, units);
    this.#owners = new RingOwners(segment, offset, Math.min(layout.MAX_OWNERS, layout.HEADER_BYTES + this.bytes - 1));
    this.#lock = new RingLock(this.#words, offset / 4, this.#owners);
  }

  /**
   * Lays an empty ring over memory, whatever is in it. O(1).
   *
   * @throws ERR_ARGUMENT a bad option · ERR_POOL_FULL it does not fit · ERR_READ_ONLY the segment was opened so
   */
  static create(segment: RingMemory, options: RingBufferOptions): RingBuffer {
    checkOptions(options, ['bytes', 'offset']);
    const { bytes, offset = 0 } = options;
    checkOffset(offset);
    const needed = RingBuffer.bytesFor(bytes);
    const buffer = segment.buffer;
    checkRoom(buffer, offset, needed, `a RingBuffer of ${bytes} bytes`);
    const units = Math.ceil(bytes / layout.UNIT_BYTES);
    const ring = new RingBuffer(segment, buffer, offset, units);
    ring.#checkWritable('create');
    const header = offset / 4;
    Atomics.store(ring.#words, header + layout.HEADER_MAGIC, 0);
    ring.#words.fill(0, header, header + layout.HEADER_BYTES / 4);
    const doubles = new Float64Array(buffer, offset, layout.HEADER_BYTES / layout.UNIT_BYTES);
    doubles[layout.HEADER_UNITS] = units;
    doubles[layout.HEADER_SEQUENCE] = 1;
    Atomics.store(ring.#words, header + layout.HEADER_MAGIC, layout.RING_BUFFER_MAGIC);
    return ring;
  }

  /** A ring that was created at this offset before. `ERR_ARGUMENT` when there is none. O(1). */
  static open(segment: RingMemory, offset = 0): RingBuffer {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + layout.HEADER_BYTES <= buffer.byteLength) {
      const units = new Float64Array(buffer, offset, layout.HEADER_UNITS + 1)[layout.HEADER_UNITS];
      const bytes = units * layout.UNIT_BYTES;
      const sound = Number.isInteger(units) && bytes >= MIN_BYTES && bytes <= MAX_BYTES;
      if (sound && RingBuffer.bytesFor(bytes) <= buffer.byteLength - offset) {
        const ring = new RingBuffer(segment, buffer, offset, units);
        ring.#checkThere();
        return ring;
      }
    }
    throw nothingThere(offset);
  }

  /** Bytes that a ring for this many bytes of records takes. `ERR_ARGUMENT` for a number out of range. */
  static bytesFor(bytes: number): number {
    checkInteger('bytes', bytes, MIN_BYTES, MAX_BYTES);
    return layout.HEADER_BYTES + Math.ceil(bytes / layout.UNIT_BYTES) * layout.UNIT_BYTES;
  }

  /**
   * Begins a record and returns the byte offset of its payload in the segment, aligned to 8; 0 when there is no room
   * until older ones are freed. The memory is as its last user left it. Nobody sees the record before `commit`.
   *
   * Amortized O(1): collects as many freed records, the oldest first, as the new one needs the room of.
   *
   * @param bytes 1 .. `maxRecordBytes`
   * @throws ERR_ARGUMENT · ERR_READ_ONLY · ERR_LOCK_TIMEOUT · ERR_TOO_MANY_PARTICIPANTS
   */
  alloc(bytes: number): number {
    checkInteger('bytes', bytes, 1, this.maxRecordBytes);
    this.#enter('alloc');
    try {
      const position = this.#makeRoom(layout.unitsFor(bytes));
      return position < 0 ? 0 : this.#claim(position, bytes);
    } finally {
      this.#lock.release();
    }
  }

  /**
   * Completes a record of this handle's: from now on it is read, until it is freed. O(1).
   *
   * @throws ERR_POOL_FOREIGN no record of this handle's · ERR_POOL_DOUBLE_FREE it was freed · ERR_ARGUMENT it was
   *   committed already
   */
  commit(offset: number): void {
    this.#checkWritable('commit');
    const position = this.#findRecord(offset);
    const state = this.#records.stateAt(position);
    if (state === layout.COMMITTED) {
      throw new ShmTableError('ERR_ARGUMENT', `the record at offset ${offset} is committed already`);
    }
    this.#checkOwn(state, offset);
    this.#records.changeState(position, state, layout.COMMITTED);
  }

  /**
   * Declares a record no longer needed: a committed one, from any process, or one of this handle's before its commit.
   * Its memory is used again once all older records are freed. O(1).
   *
   * @throws ERR_POOL_FOREIGN an offset that `alloc` cannot have returned, or a record that another is still writing
   * @throws ERR_POOL_DOUBLE_FREE it is free already
   */
  free(offset: number): void {
    this.#checkWritable('free');
    const position = this.#findRecord(offset);
    const state = this.#records.stateAt(position);
    if (state !== layout.COMMITTED) this.#checkOwn(state, offset);
    if (this.#records.changeState(position, state, layout.FREE) !== state) throw freeAlready(offset);
  }

  /**
   * The first committed record whose sequence is above `after`; `undefined` when there is none yet, or an older one is
   * still being written by a living producer. Records that were freed are passed over: the gap in the sequence shows
   * them. O(1) to follow with the sequence of the last one, and
   * to take the oldest with 0 again and again; O(records) otherwise.
   *
   * The payload stays as it is until the record is freed. Where others may free it, copy it and read once more with the
   * same `after`: the same sequence says that the copy is whole.
   *
   * @param after 0 .. 2^53-1, exclusive
   */
  read(after = 0): RingRecord | undefined {
    if (!Number.isSafeInteger(after) || after < 0) {
      throw new ShmTableError('ERR_ARGUMENT', `after must be an integer from 0 to 2^53-1, got ${after}`);
    }
    this.#checkThere();
    const records = this.#records;
    const isFollowing = after >= this.#passedSequence;
    let position = isFollowing ? Math.max(records.tail, this.#passedPosition) : this.#oldestInUse();
    let found: RingRecord | undefined;
    while (position < records.head) {
      const state = records.stateAt(position);
      const sequence = records.sequenceAt(position);
      const bytes = records.bytesAt(position);
      const tail = records.tail;
      if (tail > position) {
        position = tail;
        continue;
      }
      if (state !== layout.FREE && sequence > after) {
        if (state === layout.COMMITTED) {
          found = { sequence, offset: records.offsetOf(position), bytes };
          break;
        }
        if (!this.#owners.isDead(state)) break;
        // It may have committed or freed the record before it died: what counts is what it says now.
        if (records.stateAt(position) !== state) continue;
      }
      position = records.behind(position, bytes);
    }
    this.#passedSequence = found === undefined ? after : found.sequence - 1;
    this.#passedPosition = position;
    return found;
  }

  /**
   * Frees the records that dead producers left unfinished, so that they count no more as used; `alloc` does the same
   * for those in its way. Returns how many. O(records).
   */
  settle(): number {
    this.#enter('settle');
    try {
      return this.#freeLeftBy((owner) => this.#owners.isDead(owner));
    } finally {
      this.#lock.release();
    }
  }

  /**
   * Bytes, headers of the records included: `total`, of which `used` lie between the oldest record that is not free and
   * the newest. The longest record that fits may be shorter than `spare`: none crosses the end of the memory.
   * O(records freed since this handle looked last).
   */
  stats(): PoolStats {
    this.#checkThere();
    const position = this.#oldestInUse();
    const used = Math.min(this.bytes, (this.#records.head - position) * layout.UNIT_BYTES);
    return { total: this.bytes, used, spare: this.bytes - used };
  }

  /**
   * Ends this handle; the ring and its records stay. What this handle has not committed is as if its process had died.
   * Twice is harmless.
   */
  close(): void {
    this.#owners.close();
  }

  /** Makes the memory no ring any more: `open` refuses it, and so does every handle. */
  destroy(): void {
    this.#checkWritable('destroy');
    Atomics.store(this.#words, this.#offset / 4 + layout.HEADER_MAGIC, 0);
    this.close();
  }

  /** Takes the lock; attaches the handle when it is its first time, and frees what its id was left with. */
  #enter(verb: string): void {
    this.#checkWritable(verb);
    this.#checkThere();
    if (this.#owners.id === 0) this.#owners.attach();
    this.#lock.acquire();
    if (this.#hasEntered) return;
    try {
      this.#freeLeftBy((owner) => owner === this.#owners.id);
      this.#hasEntered = true;
    } finally {
      if (!this.#hasEntered) this.#lock.release();
    }
  }

  /**
   * Collects freed records until one of so many units fits at the head, without a gap to the end of the memory in it.
   * Returns its position, -1 when what is in the way is not free.
   */
  #makeRoom(units: number): number {
    const records = this.#records;
    let head = records.head;
    let tail = records.tail;
    for (;;) {
      const toEnd = records.unitsToEnd(head);
      const filler = units <= toEnd ? 0 : toEnd;
      if (head + filler + units <= tail + records.units) return filler === 0 ? head : this.#fill(head, filler);
      if (tail < head) {
        const next = this.#collect(tail);
        if (next === tail) return -1;
        tail = next;
      } else {
        // Nothing is in the way but the end of the memory: begins anew, with a filler that is collected next.
        head = this.#fill(head, toEnd);
      }
    }
  }

  /** Moves the tail over the record at it, when that is free or left by the dead. */
  #collect(position: number): number {
    const records = this.#records;
    const state = records.stateAt(position);
    if (state === layout.COMMITTED) return position;
    if (state !== layout.FREE && !this.#freeIfDead(position, state)) return position;
    const next = records.behind(position, records.bytesAt(position));
    records.moveTail(next);
    return next;
  }

  /** Position of the oldest record that is not free, as far as nobody frees it meanwhile; of the head if there is none. */
  #oldestInUse(): number {
    const records = this.#records;
    let position = Math.max(records.tail, this.#freedPosition);
    while (position < records.head) {
      const isFree = records.stateAt(position) === layout.FREE;
      const bytes = records.bytesAt(position);
      const tail = records.tail;
      if (tail > position) position = tail;
      else if (isFree) position = records.behind(position, bytes);
      else break;
    }
    this.#freedPosition = position;
    return position;
  }

  /** Puts a filler from the head to the end of the memory; returns the head behind it. */
  #fill(head: number, units: number): number {
    const bytes = (units - layout.RECORD_UNITS) * layout.UNIT_BYTES;
    this.#records.write(head, layout.NO_SEQUENCE, layout.FREE, bytes);
    this.#records.moveHead(head + units);
    return head + units;
  }

  #claim(position: number, bytes: number): number {
    const records = this.#records;
    records.write(position, records.takeSequence(), this.#owners.id, bytes);
    records.moveHead(records.behind(position, bytes));
    return records.offsetOf(position);
  }

  /** Frees every unfinished record whose owner `isGone`. With the lock. */
  #freeLeftBy(isGone: (owner: number) => boolean): number {
    const records = this.#records;
    const head = records.head;
    let freed = 0;
    for (let position = records.tail; position < head; position = records.behind(position, records.bytesAt(position))) {
      const state = records.stateAt(position);
      if (state === layout.FREE || state === layout.COMMITTED || !isGone(state)) continue;
      if (records.changeState(position, state, layout.FREE) === state) freed++;
    }
    return freed;
  }

  /** Frees an unfinished record whose owner is dead, unless it was committed before that. */
  #freeIfDead(position: number, owner: number): boolean {
    if (!this.#owners.isDead(owner)) return false;
    const before = this.#records.changeState(position, owner, layout.FREE);
    return before !== layout.COMMITTED;
  }

  /** Position of the record at an offset, which is not collected. */
  #findRecord(offset: number): number {
    const position = this.#records.positionOf(offset);
    if (position < 0) {
      throw new ShmTableError('ERR_POOL_FOREIGN', `offset ${offset} is no record of this RingBuffer`);
    }
    if (position < this.#records.tail) throw freeAlready(offset);
    return position;
  }

  /** Refuses the state of a record that is not being written through this handle. */
  #checkOwn(state: number, offset: number): void {
    if (state === layout.FREE) throw freeAlready(offset);
    if (state !== this.#owners.id) {
      throw new ShmTableError('ERR_POOL_FOREIGN', `the record at offset ${offset} is being written by another`);
    }
  }

  #checkThere(): void {
    if (Atomics.load(this.#words, this.#offset / 4 + layout.HEADER_MAGIC) !== layout.RING_BUFFER_MAGIC) {
      throw nothingThere(this.#offset);
    }
  }

  #checkWritable(verb: string): void {
    if (!this.#readOnly) return;
    throw new ShmTableError('ERR_READ_ONLY', `a RingBuffer in a segment that was opened read-only cannot ${verb}`);
  }
}

function nothingThere(offset: number): ShmTableError {
  return new ShmTableError('ERR_ARGUMENT', `there is no RingBuffer at offset ${offset}`);
}

function freeAlready(offset: number): ShmTableError {
  return new ShmTableError('ERR_POOL_DOUBLE_FREE', `the record at offset ${offset} is free already`);
}
