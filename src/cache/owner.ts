import { ShmTableError } from '../errors.js';
import { type ByteLocks, pidNamespace } from '../memory/index.js';
import type { CacheMemory } from './cache-memory.js';
import * as layout from './cache-memory-layout.js';

/**
 * Identifies one handle of a cache uniquely, in all processes and for all time; a lease records its owner in this form.
 */
export interface OwnerName {
  readonly owner: number;
  readonly life: number;
}

export interface Counts {
  hits: number;
  misses: number;
  loads: number;
  failedLoads: number;
  waits: number;
  takeovers: number;
}

/**
 * An open handle as others see it: a number whose byte it has locked. Also tells whether other owners are alive, and
 * keeps this handle's counts.
 */
export class Owner implements OwnerName {
  readonly owner: number;
  readonly life: number;
  readonly #memory: CacheMemory;
  readonly #locks: ByteLocks;
  readonly #pidSpace = pidNamespace();
  /** Index of the first count in `doubles`. */
  readonly #counts: number = 0;

  private constructor(memory: CacheMemory, locks: ByteLocks, id: number) {
    this.#memory = memory;
    this.#locks = locks;
    this.owner = id;
    const at = layout.ownerWord(id);
    this.#counts = at / 2 + layout.COUNTS;
    const { words } = memory;
    const before = Atomics.load(words, at + layout.LIFE);
    this.life = (before + 1) & 0x7fffffff;
    Atomics.store(words, at + layout.PID, process.pid);
    Atomics.store(words, at + layout.PID_SPACE, this.#pidSpace);
    Atomics.store(words, at + layout.LIFE, this.life);
    locks.announceEnd(words, layout.ENDS);
    // Between the lock and the new life, the previous holder seemed to be alive.
    if (before !== 0) memory.announceEnd();
  }

  /** Takes a number that no live handle has. O(owners), with a system call each. `ERR_TOO_MANY_PARTICIPANTS`. */
  static attach(memory: CacheMemory, name: string): Owner {
    const locks = memory.openByteLocks();
    try {
      for (let id = 1; id <= memory.owners; id++) {
        if (locks.tryLock(id)) return new Owner(memory, locks, id);
      }
      throw new ShmTableError(
        'ERR_TOO_MANY_PARTICIPANTS',
        `cache ${name} has ${memory.owners} open handles, the maximum (maxParticipants)`,
      );
    } catch (error) {
      locks.close();
      throw error;
    }
  }

  /** Whether a handle is still open. Makes a system call, except for this handle. */
  isAlive({ owner, life }: OwnerName): boolean {
    if (!(owner > 0 && owner <= this.#memory.owners)) return false;
    if (Atomics.load(this.#memory.words, layout.ownerWord(owner) + layout.LIFE) !== life) return false;
    return owner === this.owner || this.#locks.isLocked(owner);
  }

  /**
   * The process of a live handle; undefined if it is this one, or if it is in another process id namespace, where its
   * id has another meaning.
   */
  foreignProcessOf({ owner }: OwnerName): number | undefined {
    const { words } = this.#memory;
    const at = layout.ownerWord(owner);
    const space = Atomics.load(words, at + layout.PID_SPACE);
    if (space === 0 || space !== this.#pidSpace) return undefined;
    const pid = Atomics.load(words, at + layout.PID);
    return pid === process.pid ? undefined : pid;
  }

  /** Increments the count at this offset of `COUNTS`. */
  count(what: number): void {
    this.#memory.doubles[this.#counts + what]++;
  }

  /** The sums over all handles that ever existed. O(owners). */
  sums(): Counts {
    return countsIn(this.#memory);
  }

  /** Releases the number and notifies waiting threads. */
  close(): void {
    this.#locks.close();
  }
}

/** The counts of all handles of a cache that ever existed. O(owners). */
export function countsIn(memory: CacheMemory): Counts {
  const sumOf = (what: number): number => {
    let sum = 0;
    for (let id = 1; id <= memory.owners; id++) sum += memory.doubles[layout.ownerWord(id) / 2 + layout.COUNTS + what];
    return sum;
  };
  return {
    hits: sumOf(layout.HITS),
    misses: sumOf(layout.MISSES),
    loads: sumOf(layout.LOADS),
    failedLoads: sumOf(layout.FAILED_LOADS),
    waits: sumOf(layout.WAITS),
    takeovers: sumOf(layout.TAKEOVERS),
  };
}
