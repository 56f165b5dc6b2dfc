import { ShmTableError } from '../errors.js';
import type { ByteLocks, Segment } from '../memory/index.js';

/** Handles that can count at once in all processes. */
const MAX_WRITERS = 1_023;

/**
 * The right to write one number's blocks of a registry: the lock of the kernel's on one byte, which ends with `close`,
 * with the worker thread and with any death of the process. The next one to get the byte goes on with the blocks.
 */
export class MetricWriter {
  /** 1 .. MAX_WRITERS. */
  readonly number: number;
  readonly #locks: ByteLocks;
  #isOpen = true;

  private constructor(number: number, locks: ByteLocks) {
    this.number = number;
    this.#locks = locks;
  }

  /**
   * The first number that nobody alive has. A byte is that far behind `offset`, within the registry, so that no other
   * user of the segment's bytes takes it for something else.
   */
  static attach(segment: Segment, offset: number): MetricWriter {
    const locks = segment.openByteLocks();
    try {
      for (let number = 1; number <= MAX_WRITERS; number++) {
        if (locks.tryLock(offset + number)) return new MetricWriter(number, locks);
      }
    } catch (error) {
      locks.close();
      throw error;
    }
    locks.close();
    throw new ShmTableError('ERR_TOO_MANY_PARTICIPANTS', `all ${MAX_WRITERS} writers of the metrics are at work`);
  }

  /** Throws once closed: the blocks may be somebody else's by then. */
  check(name: string): void {
    if (this.#isOpen) return;
    throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `the registry of metric ${JSON.stringify(name)} is closed`);
  }

  close(): void {
    this.#isOpen = false;
    this.#locks.close();
  }
}
