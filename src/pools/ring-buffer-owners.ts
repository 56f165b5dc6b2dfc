import { ShmTableError } from '../errors.js';
import type { ByteLocks } from '../memory/index.js';
import type { PoolMemory } from './pool-memory.js';

/** The part of a segment that a RingBuffer uses: its memory, and byte locks. */
export interface RingMemory extends PoolMemory {
  readonly readOnly: boolean;
  openByteLocks(): ByteLocks;
}

/**
 * The owners of a ring: each handle that allocates has its own id as long as it holds the byte lock of that number. The
 * kernel releases the lock at any death of its holder, so a dead owner is never mistaken for a live one.
 *
 * Byte locks are opened when they are first needed: a handle that only reads, and meets no unfinished record, has no
 * descriptor.
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
   * Takes an id that no live handle has. This handle must then settle what its last owner left: a lock, unfinished
   * records. O(owners), a system call each.
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
      `the RingBuffer at offset ${this.#firstByte} must have at most ${this.#limit} handles that write; all are in use`,
    );
  }

  /** Whether an owner has died or closed its handle. Takes a system call, except for this handle's id. */
  isDead(id: number): boolean {
    return id !== this.id && !this.#open().isLocked(this.#firstByte + id);
  }

  /** Acts for a dead owner. Returns false when it is alive, or another process already acts for it. */
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

  /** Releases the id. */
  close(): void {
    this.id = 0;
    this.#locks?.close();
  }

  #open(): ByteLocks {
    this.#locks ??= this.#memory.openByteLocks();
    return this.#locks;
  }
}
