import { constants } from 'node:fs';
import { ShmTableError } from '../errors.js';
import { type Descriptor, native } from './native.js';
import { checked, errnoName } from './system-error.js';

/** The highest byte, kept for the memory layer itself: see `temporary-file.ts`. */
export const TEMPORARY_BYTE = Number.MAX_SAFE_INTEGER;

/**
 * Ownership of numbered bytes of one object, which the kernel ends with its holder: open-file-description locks on a
 * description that no other handle, thread or process shares. A byte is free again when its holder unlocks or closes
 * it, when its worker thread ends, and when its process dies of anything, `kill -9` included.
 *
 * The bytes are names only: they need not lie inside the object, and locking one does not touch the memory.
 */
export class ByteLocks {
  readonly #descriptor: Descriptor;
  readonly #subject: string;

  private constructor(descriptor: Descriptor, subject: string) {
    this.#descriptor = descriptor;
    this.#subject = subject;
  }

  /**
   * Opens a new description of the object that descriptor `number` names. Never a duplicate: duplicates share their
   * locks, and a child that inherited one would own its parent's.
   *
   * @param subject how messages name the object: `segment "a"`
   */
  static of(number: number, readOnly: boolean, subject: string): ByteLocks {
    const descriptor = new native.Descriptor();
    const result = descriptor.reopen(number, readOnly ? constants.O_RDONLY : constants.O_RDWR);
    // Through /proc/self/fd: without it this host has no byte locks.
    checked(result, () => `open the byte locks of ${subject}`, 'ERR_BACKEND_UNSUPPORTED');
    return new ByteLocks(descriptor, subject);
  }

  /**
   * Takes the byte unless another description holds it; a byte that this one holds is taken again. Never waits.
   *
   * @param byte 0 .. 2^53-2
   * @throws ERR_READ_ONLY on the locks of a read-only segment, which can only look
   */
  tryLock(byte: number): boolean {
    return this.#run('lock', byte, this.#descriptor.tryLock(this.#check(byte))) === 1;
  }

  /** Gives the byte back; harmless when it is not held. */
  unlock(byte: number): void {
    this.#run('unlock', byte, this.#descriptor.unlock(this.#check(byte)));
  }

  /** Whether another description holds the byte, in this process or any other. Own locks give false. */
  isLocked(byte: number): boolean {
    return this.#run('look at', byte, this.#descriptor.isLocked(this.#check(byte))) === 1;
  }

  /** Drops every lock. Twice is harmless. */
  close(): void {
    this.#descriptor.close();
  }

  #check(byte: number): number {
    if (!Number.isSafeInteger(byte) || byte < 0 || byte === TEMPORARY_BYTE) {
      throw new ShmTableError('ERR_ARGUMENT', `A byte to lock must be an integer in 0 .. 2^53-2, not ${byte}.`);
    }
    return byte;
  }

  #run(verb: string, byte: number, result: number): number {
    if (result >= 0) return result;
    if (this.#descriptor.number < 0) {
      throw new ShmTableError('ERR_SEGMENT_NOT_FOUND', `The byte locks of ${this.#subject} are closed.`);
    }
    // The kernel's answer to a write lock on a description that cannot write.
    if (errnoName(result) === 'EBADF') {
      throw new ShmTableError('ERR_READ_ONLY', `Byte ${byte} of ${this.#subject} cannot be locked: it is read-only.`);
    }
    return checked(result, () => `${verb} byte ${byte} of ${this.#subject}`);
  }
}
