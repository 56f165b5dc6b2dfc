import { ShmTableError } from '../errors.js';
import type { ByteLocks, Segment } from '../memory/index.js';

/** Maximum number of handles that can count at the same time, in all processes. */
const MAX_WRITERS = 1_023;

/**
 * The right to write the blocks with one writer number of a registry: a byte lock, which the kernel releases at
 * `close`, at the end of the worker thread and at any death of the process. Its next holder continues with the blocks.
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
   * Takes the first free number. Its byte is at `offset` plus the number, within the registry, so that it cannot
   * conflict with other byte locks of the segment.
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
    throw new ShmTableError(
      'ERR_TOO_MANY_PARTICIPANTS',
      `the metric registry must have at most ${MAX_WRITERS} handles that count; all are in use`,
    );
  }

  /** Throws when closed, because the blocks may have another writer by then. */
  check(name: string): void {
    if (this.#isOpen) return;
    throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `the registry of metric ${JSON.stringify(name)} is closed`);
  }

  close(): void {
    this.#isOpen = false;
    this.#locks.close();
  }
}
