import { ShmTableError } from '../errors.js';
import { checkOptions } from '../memory/index.js';
import { checkInteger, checkOffset, checkRoom, type PoolStats, wordsOf } from './pool-memory.js';
import * as layout from './ring-buffer-layout.js';
import { RingLock } from './ring-buffer-lock.js';
import { type RingMemory, RingOwners } from './ring-buffer-owners.js';
import { RingRecords } from './ring-buffer-records.js';

export interface RingBufferOptions {
  /** Space for records, each with a header of 24 bytes: 64 .. 2^31-8 bytes, rounded up to a multiple of 8. */
  readonly bytes: number;
  /** Offset of the ring in the segment in bytes, a multiple of 64. Default 0. */
  readonly offset?: number | undefined;
}

/** A committed record. */
export interface RingRecord {
  /** Sequence number, starting at 1 and increasing by 1; numbers of discarded records are missing. */
  readonly sequence: number;
  /** Offset of its bytes in the segment. */
  readonly offset: number;
  readonly bytes: number;
}

const MIN_BYTES = 64;
const MAX_BYTES = 2 ** 31 - layout.UNIT_BYTES;

/**
 * Records of any length in shared memory, read in the order of their allocation and reclaimed from the oldest on, by
 * any number of producers and consumers in any number of processes.
 *
 * A record is allocated, written, committed, read, and freed by any process; its memory is reused when all older
 * records are free too. If a producer dies before `commit`, all others skip its record. They wait for a live producer,
 * however slow: readers do not read past its record, so that they miss nothing, and the memory after it is not
 * reclaimed.
 *
 * `alloc` and `settle` hold a lock, usually for less than a microsecond; `commit` and `free` are one compare-and-swap;
 * `read` stores nothing and also works in a read-only segment.
 *
 * Thread safety: every method may be called from any process or thread at any time, each with its own handle, except
 * that `create` and `destroy` must not run concurrently with anything else. After `segment.grow`, open the ring again.
 */
export class RingBuffer {
  /** Bytes of records. */
  readonly bytes: number;
  /** Maximum size of a record in bytes; an empty ring has space for one of these. */
  readonly maxRecordBytes: number;
  readonly #words: Int32Array;
  readonly #offset: number;
  readonly #readOnly: boolean;
  readonly #records: RingRecords;
  readonly #owners: RingOwners;
  readonly #lock: RingLock;
  /**
   * Whether this handle has held the lock since it took its id; before that, unfinished records with the id are those
   * of a dead owner.
   */
  #hasEntered = false;
  /** Every record before this position is free. */
  #freedPosition = 0;
  /** Every record above the sequence number is at the position or after it: where the next `read` continues. */
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
   * Creates an empty ring, whatever the memory contains. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when an option is invalid
   * @throws {ShmTableError} ERR_POOL_FULL when the ring does not fit into the segment
   * @throws {ShmTableError} ERR_READ_ONLY when the segment was opened read-only
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

  /**
   * Opens the ring at an offset. O(1).
   *
   * @throws {ShmTableError} ERR_ARGUMENT when there is no ring
   */
  static open(segment: RingMemory, offset = 0): RingBuffer {
    checkOffset(offset);
    const buffer = segment.buffer;
    if (offset + layout.HEADER_BYTES <= buffer.byteLength) {
      const header = new Int32Array(buffer, offset, layout.HEADER_BYTES / 4);
      const isRing = Atomics.load(header, layout.HEADER_MAGIC) === layout.RING_BUFFER_MAGIC;
      const units = new Float64Array(buffer, offset, layout.HEADER_UNITS + 1)[layout.HEADER_UNITS];
      const bytes = units * layout.UNIT_BYTES;
      const sound = isRing && Number.isInteger(units) && bytes >= MIN_BYTES && bytes <= MAX_BYTES;
      if (sound && RingBuffer.bytesFor(bytes) <= buffer.byteLength - offset) {
        return new RingBuffer(segment, buffer, offset, units);
      }
    }
    throw nothingThere(offset);
  }

  /**
   * Returns the size of a ring with this much space for records, in bytes.
   *
   * @throws {ShmTableError} ERR_ARGUMENT when the number is out of range
   */
  static bytesFor(bytes: number): number {
    checkInteger('bytes', bytes, MIN_BYTES, MAX_BYTES);
    return layout.HEADER_BYTES + Math.ceil(bytes / layout.UNIT_BYTES) * layout.UNIT_BYTES;
  }

  /**
   * Allocates a record and returns the byte offset of its payload in the segment, aligned to 8; 0 when there is no
   * space until older records are freed. The memory has the contents that its last user left in it. No reader sees the
   * record before `commit`.
   *
   * Amortized O(1): reclaims as many freed records, oldest first, as the new one needs space.
   *
   * @param bytes 1 .. `maxRecordBytes`
   * @throws {ShmTableError} ERR_ARGUMENT when `bytes` is out of range
   * @throws {ShmTableError} ERR_READ_ONLY when the segment was opened read-only
   * @throws {ShmTableError} ERR_LOCK_TIMEOUT when a stopped process has held the lock for a second
   * @throws {ShmTableError} ERR_TOO_MANY_PARTICIPANTS when 1,023 handles already write
   */
  alloc(bytes: number): number {
    checkInteger('bytes', bytes, 1, this.maxRecordBytes);
    this.#enter('alloc');
    try {
      const position = this.#makeSpace(layout.unitsFor(bytes));
      return position < 0 ? 0 : this.#claim(position, bytes);
    } finally {
      this.#lock.release();
    }
  }

  /**
   * Publishes a record of this handle: it can be read from now on, until it is freed. O(1).
   *
   * @throws {ShmTableError} ERR_POOL_FOREIGN when the offset is not that of a record of this handle
   * @throws {ShmTableError} ERR_POOL_DOUBLE_FREE when the record was freed
   * @throws {ShmTableError} ERR_ARGUMENT when the record is already committed
   */
  commit(offset: number): void {
    this.#checkWritable('commit');
    const position = this.#findRecord(offset);
    const state = this.#records.stateAt(position);
    if (state === layout.COMMITTED) {
      throw new ShmTableError('ERR_ARGUMENT', `the record at offset ${offset} is already committed`);
    }
    this.#checkOwn(state, offset);
    this.#records.changeState(position, state, layout.COMMITTED);
  }

  /**
   * Frees a committed record, from any process, or discards a record of this handle before its commit. Its memory is
   * reused when all older records are free. O(1).
   *
   * @throws {ShmTableError} ERR_POOL_FOREIGN when `alloc` cannot have returned the offset, or another handle is writing
   *   the record
   * @throws {ShmTableError} ERR_POOL_DOUBLE_FREE when the record is already free
   */
  free(offset: number): void {
    this.#checkWritable('free');
    const position = this.#findRecord(offset);
    const state = this.#records.stateAt(position);
    if (state !== layout.COMMITTED) this.#checkOwn(state, offset);
    if (this.#records.changeState(position, state, layout.FREE) !== state) throw freeAlready(offset);
  }

  /**
   * Returns the first committed record with a sequence number above `after`; `undefined` when there is none yet, or a
   * live producer is still writing an older one. Freed records are skipped and appear as gaps in the sequence numbers.
   * O(1) when continuing from the last sequence number, and when repeatedly taking the oldest with 0; otherwise
   * O(records).
   *
   * The payload does not change until the record is freed. If others may free it, copy it and read again with the same
   * `after`: the same sequence number means that the copy is intact.
   *
   * @param after 0 .. 2^53-1, exclusive
   * @throws {ShmTableError} ERR_ARGUMENT when `after` is out of range
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
        // The owner may have committed or freed the record before it died: only its current state counts.
        if (records.stateAt(position) !== state) continue;
      }
      position = records.behind(position, bytes);
    }
    this.#passedSequence = found === undefined ? after : found.sequence - 1;
    this.#passedPosition = position;
    return found;
  }

  /**
   * Frees the unfinished records of dead producers, so that they no longer count as used; `alloc` does the same for
   * those in its way. O(records).
   *
   * @returns the number of records freed
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
   * Counts bytes, including headers of records: `total`, of which `used` extend from the oldest record that is not free
   * to the newest. The longest record that fits may be shorter than `spare`, because no record wraps around the end of
   * the memory. O(records freed since this handle's last call).
   */
  stats(): PoolStats {
    this.#checkThere();
    const position = this.#oldestInUse();
    const used = Math.min(this.bytes, (this.#records.head - position) * layout.UNIT_BYTES);
    return { total: this.bytes, used, spare: this.bytes - used };
  }

  /**
   * Closes this handle; the ring and its records remain. Records that this handle has not committed are treated as if
   * its process had died. Closing twice is harmless.
   */
  close(): void {
    this.#owners.close();
  }

  /** Invalidates the ring: `open` no longer finds it, and every handle throws. */
  destroy(): void {
    this.#checkWritable('destroy');
    Atomics.store(this.#words, this.#offset / 4 + layout.HEADER_MAGIC, 0);
    this.close();
  }

  /** Takes the lock; the first time it also attaches the handle and frees what the id's last owner left. */
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
   * Reclaims freed records until a contiguous record of the given units fits at the head. Returns its position, or -1
   * when a record in the way is not free.
   */
  #makeSpace(units: number): number {
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
        // Only the end of the memory is in the way: wrap around, with a filler that is reclaimed next.
        head = this.#fill(head, toEnd);
      }
    }
  }

  /** Moves the tail past its record, if that is free or was left by a dead owner. */
  #collect(position: number): number {
    const records = this.#records;
    const state = records.stateAt(position);
    if (state === layout.COMMITTED) return position;
    if (state !== layout.FREE && !this.#freeIfDead(position, state)) return position;
    const next = records.behind(position, records.bytesAt(position));
    records.moveTail(next);
    return next;
  }

  /** Position of the oldest record that is not free (it may be freed meanwhile), or of the head if there is none. */
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

  /** Writes a filler from the head to the end of the memory; returns the head after it. */
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

  /** Frees every unfinished record whose owner `isGone`. Must hold the lock. */
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

  /** Position of the record at an offset, which has not been reclaimed. */
  #findRecord(offset: number): number {
    const position = this.#records.positionOf(offset);
    if (position < 0) {
      throw new ShmTableError('ERR_POOL_FOREIGN', `offset ${offset} is not that of a record of this RingBuffer`);
    }
    if (position < this.#records.tail) throw freeAlready(offset);
    return position;
  }

  /** Throws for a record that this handle is not writing, by its state. */
  #checkOwn(state: number, offset: number): void {
    if (state === layout.FREE) throw freeAlready(offset);
    if (state !== this.#owners.id) {
      throw new ShmTableError('ERR_POOL_FOREIGN', `the record at offset ${offset} is being written by another handle`);
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
  return new ShmTableError('ERR_POOL_DOUBLE_FREE', `the record at offset ${offset} is already free`);
}
