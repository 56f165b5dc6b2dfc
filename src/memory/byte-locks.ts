import { constants } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { type Descriptor, native } from './native.js';
import { checked, errnoName } from './system-error.js';

/** The highest byte, reserved for the memory layer: see `temporary-file.ts`. */
export const TEMPORARY_BYTE = Number.MAX_SAFE_INTEGER;

/** What holds the locks: a description of the object, or its counterpart in `process-locks.ts`. */
export type LockHolder = Pick<Descriptor, 'tryLock' | 'unlock' | 'isLocked' | 'announceEnd' | 'close' | 'number'>;

/**
 * Locks on numbered bytes of one object, which the kernel releases when their holder ends: open file description locks
 * on a description that no other handle, thread or process shares. A byte is free again when its holder unlocks or
 * closes it, when its worker thread ends, and when its process dies in any way, `kill -9` included.
 *
 * The bytes are only numbers: they need not be inside the object, and locking one does not access the memory.
 */
export class ByteLocks {
  readonly #holder: LockHolder;
  readonly #subject: string;

  /** @param subject name of the object in messages: `segment "a"` */
  constructor(holder: LockHolder, subject: string) {
    this.#holder = holder;
    this.#subject = subject;
  }

  /**
   * Opens a new description of the object of descriptor `number`. It is never a duplicate, because duplicates share
   * their locks, and a child that inherited one would own its parent's locks.
   */
  static of(number: number, readOnly: boolean, subject: string): ByteLocks {
    const descriptor = new native.Descriptor();
    const result = descriptor.reopen(number, readOnly ? constants.O_RDONLY : constants.O_RDWR);
    // This uses /proc/self/fd; without it there are no byte locks.
    checked(result, () => `open the byte locks of ${subject}`, 'ERR_BACKEND_UNSUPPORTED');
    return new ByteLocks(descriptor, subject);
  }

  /**
   * Locks the byte unless another description holds it; succeeds if this one already holds it. Never waits.
   *
   * @param byte 0 .. 2^53-2
   * @returns whether the byte is locked now
   * @throws {ShmTableError} ERR_READ_ONLY when the segment is read-only
   * @throws {ShmTableError} ERR_ARGUMENT when `byte` is out of range
   * @throws {ShmTableError} ERR_SEGMENT_NOT_FOUND when the locks are closed
   */
  tryLock(byte: number): boolean {
    return this.#run('lock', byte, this.#holder.tryLock(this.#check(byte))) === 1;
  }

  /** Unlocks the byte; harmless when it is not held. */
  unlock(byte: number): void {
    this.#run('unlock', byte, this.#holder.unlock(this.#check(byte)));
  }

  /** Whether another description holds the byte, in this process or any other. False for this object's own locks. */
  isLocked(byte: number): boolean {
    return this.#run('look at', byte, this.#holder.isLocked(this.#check(byte))) === 1;
  }

  /**
   * Notifies others when these locks are released by `close`, by garbage collection or by the end of the thread: words
   * `index` and `index + 1` are then advanced, and threads that sleep on the second are woken. The end of the whole
   * process is not announced: see `ProcessEnds`. May be called only once.
   */
  announceEnd(words: Int32Array, index: number): void {
    checked(this.#holder.announceEnd(words, index), () => `announce the end of the byte locks of ${this.#subject}`);
  }

  /** Releases every lock. Closing twice is harmless. */
  close(): void {
    this.#holder.close();
  }

  #check(byte: number): number {
    if (!Number.isSafeInteger(byte) || byte < 0 || byte === TEMPORARY_BYTE) {
      throw new ShmTableError('ERR_ARGUMENT', `a byte to lock must be an integer in 0 .. 2^53-2, got ${byte}`);
    }
    return byte;
  }

  #run(verb: string, byte: number, result: number): number {
    if (result >= 0) return result;
    if (this.#holder.number < 0) {
      throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `the byte locks of ${this.#subject} are closed`);
    }
    // The kernel's error for a write lock on a read-only description.
    if (errnoName(result) === 'EBADF') {
      throw new ShmTableError('ERR_READ_ONLY', `cannot lock byte ${byte} of ${this.#subject}: it is read-only`);
    }
    return checked(result, () => `${verb} byte ${byte} of ${this.#subject}`);
  }
}
