import { ShmTableError } from '../errors.js';
import { type ByteLocks, pidNamespace } from '../memory/index.js';
import type { CacheMemory } from './cache-memory.js';
import * as layout from './cache-memory-layout.js';

/** Names one handle of a cache, in all processes, for ever: what a lease records of its holder. */
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
 * One open handle as others see it: a number whose byte it has locked. Also tells whether others still live, and counts
 * what this one does.
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
    // Between the lock and the new life the last holder seemed to live.
    if (before !== 0) memory.announceEnd();
  }

  /** Takes a number that no living handle has. O(owners), with a system call each. `ERR_TOO_MANY_PARTICIPANTS`. */
  static attach(memory: CacheMemory, name: string): Owner {
    const locks = memory.openByteLocks();
    try {
      for (let id = 1; id <= memory.owners; id++) {
        if (locks.tryLock(id)) return new Owner(memory, locks, id);
      }
      throw new ShmTableError(
        'ERR_TOO_MANY_PARTICIPANTS',
        `cache ${name} is open in all ${memory.owners} places that it has (maxParticipants)`,
      );
    } catch (error) {
      locks.close();
      throw error;
    }
  }

  /** Whether a handle is open still. Takes a system call, except for this one. */
  isAlive({ owner, life }: OwnerName): boolean {
    if (!(owner > 0 && owner <= this.#memory.owners)) return false;
    if (Atomics.load(this.#memory.words, layout.ownerWord(owner) + layout.LIFE) !== life) return false;
    return owner === this.owner || this.#locks.isLocked(owner);
  }

  /**
   * The process that a living handle is in; undefined when it is this one, or its id means another process here: in
   * another process id namespace.
   */
  foreignProcessOf({ owner }: OwnerName): number | undefined {
    const { words } = this.#memory;
    const at = layout.ownerWord(owner);
    const space = Atomics.load(words, at + layout.PID_SPACE);
    if (space === 0 || space !== this.#pidSpace) return undefined;
    const pid = Atomics.load(words, at + layout.PID);
    return pid === process.pid ? undefined : pid;
  }

  /** Counts one of what `COUNTS` has at this offset. */
  count(what: number): void {
    this.#memory.doubles[this.#counts + what]++;
  }

  /** The sums over all handles that there are and were. O(owners). */
  sums(): Counts {
    const sumOf = (what: number): number => {
      let sum = 0;
      for (let id = 1; id <= this.#memory.owners; id++) {
        sum += this.#memory.doubles[layout.ownerWord(id) / 2 + layout.COUNTS + what];
      }
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

  /** Gives the number back; waiting threads are told. */
  close(): void {
    this.#locks.close();
  }
}
