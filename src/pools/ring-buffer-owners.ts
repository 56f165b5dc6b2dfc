import { ShmTableError } from '../errors.js';
import type { ByteLocks } from '../memory/index.js';
import type { PoolMemory } from './pool-memory.js';

/** What a RingBuffer needs of a segment: its memory, and locks that the kernel takes from the dead. */
export interface RingMemory extends PoolMemory {
  readonly readOnly: boolean;
  openByteLocks(): ByteLocks;
}

/**
 * Who writes to a ring: each handle that ever allocates has an id of its own, for as long as it holds the byte lock
 * of that number. The kernel drops the lock on any death of its holder, so no owner can be mistaken for a living one.
 *
 * Nothing is opened before it is needed: a handle that only reads, and meets no unfinished record, holds no descriptor.
 */
export class RingOwners {
  readonly #memory: RingMemory;
  readonly #firstByte: number;
  readonly #limit: number;
  #locks: ByteLocks | undefined;
  /** The id of this handle; 0 until `attach`. */
  id = 0;

  /** Ids are 1 .. `limit`. */
  constructor(memory: RingMemory, firstByte: number, limit: number) {
    this.#memory = memory;
    this.#firstByte = firstByte;
    this.#limit = limit;
  }

  /**
   * Takes an id that nobody living has. What its last owner left is this one's to finish: a lock, unfinished records.
   * O(owners), a system call each.
   */
  attach(): void {
    const locks = this.#open();
    for (let id = 1; id <= this.#limit; id++) {
      if (!locks.tryLock(this.#firstByte + id)) continue;
      this.id = id;
      return;
    }
    throw new ShmTableError(
      'ERR_TOO_MANY_PARTICIPANTS',
      `${this.#limit} handles write to the RingBuffer at offset ${this.#firstByte} already, which is the limit`,
    );
  }

  /** Whether an owner has died or closed its handle. A system call, for any but the own id. */
  isDead(id: number): boolean {
    return id !== this.id && !this.#open().isLocked(this.#firstByte + id);
  }

  /** Does what only the owner may do, in the place of a dead one. False when it lives, or another process does it. */
  actFor(id: number, act: () => void): boolean {
    const locks = this.#open();
    if (!locks.tryLock(this.#firstByte + id)) return false;
    try {
      act();
    } finally {
      locks.unlock(this.#firstByte + id);
    }
    return true;
  }

  /** Gives the id back. */
  close(): void {
    this.id = 0;
    this.#locks?.close();
  }

  #open(): ByteLocks {
    this.#locks ??= this.#memory.openByteLocks();
    return this.#locks;
  }
}
