import { ShmTableError } from '../errors.js';
import { checked, errnoName } from './system-error.js';
import { platform } from './this-platform.js';

/**
 * Calls back when one of several processes has ended in any way. One thread sleeps in the kernel for all of them;
 * nothing is polled. Keeps the process alive until `stop`.
 */
export class ProcessEnds {
  readonly #sleeper = new platform.ProcessEnds();
  readonly #numbers = new Map<number, number>();

  /**
   * @param callback runs on this thread, once for all ends since the previous call; it must itself find out which
   *   processes have ended
   * @throws {ShmTableError} ERR_SEGMENT_NO_SPACE when no thread or descriptor can be created for it
   */
  constructor(callback: () => void) {
    const result = this.#sleeper.start(callback);
    if (result < 0 && errnoName(result) === 'EAGAIN') {
      throw new ShmTableError(
        'ERR_SEGMENT_NO_SPACE',
        'cannot start the thread that waits for the end of processes: EAGAIN; this process or its user may have no more ' +
          'threads (RLIMIT_NPROC, a pids limit of the cgroup), or there is no memory for one',
      );
    }
    checked(result, () => 'wait for the end of processes');
  }

  /**
   * Adds a process to those watched; its end is not missed from then on. Returns false when there is no such process,
   * or when this system cannot report its end (Linux before 5.3, a sandbox, no more descriptors).
   */
  add(pid: number): boolean {
    if (this.#numbers.has(pid)) return true;
    const result = this.#sleeper.add(pid);
    if (result < 0) return false;
    this.#numbers.set(pid, result);
    return true;
  }

  /** No longer watches a process; does nothing for one that was not added. */
  remove(pid: number): void {
    const number = this.#numbers.get(pid);
    if (number === undefined) return;
    this.#numbers.delete(pid);
    this.#sleeper.remove(number);
  }

  /** The watched processes. */
  pids(): number[] {
    return [...this.#numbers.keys()];
  }

  /** Ends the thread; no callback runs afterwards. Never throws; stopping twice is harmless. */
  stop(): void {
    for (const pid of this.pids()) this.remove(pid);
    this.#sleeper.stop();
  }
}

/**
 * A number that identifies this process's PID namespace: a process id means the same in all processes with the same
 * number. 0 when it cannot be determined.
 */
export function pidNamespace(): number {
  return platform.pidNamespace();
}
