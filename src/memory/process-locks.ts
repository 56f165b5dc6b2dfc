import { constants } from 'node:os';
import type { LockHolder } from './byte-locks.js';
import { futexWake } from './futex.js';

/** What a holder of locks leaves behind. */
interface Remains {
  readonly locks: Map<number, object>;
  readonly holder: object;
  isOpen: boolean;
  /** The words that announce the end. */
  end: { readonly words: Int32Array; readonly index: number } | undefined;
}

const forgotten = new FinalizationRegistry<Remains>(release);

function release(remains: Remains): void {
  if (!remains.isOpen) return;
  remains.isOpen = false;
  for (const [byte, holder] of remains.locks) if (holder === remains.holder) remains.locks.delete(byte);
  const { end } = remains;
  if (end === undefined) return;
  // Released before this is announced: whoever is woken must not find them held.
  Atomics.add(end.words, end.index, 1);
  Atomics.add(end.words, end.index + 1, 1);
  futexWake(end.words, end.index + 1, 2 ** 31 - 1);
}

/** Byte locks of a segment of the backend `process`: they end with `close`, with the handle's collection or the thread. */
export class ProcessLocks implements LockHolder {
  readonly #readOnly: boolean;
  readonly #remains: Remains;

  constructor(locks: Map<number, object>, readOnly: boolean) {
    this.#readOnly = readOnly;
    this.#remains = { locks, holder: {}, isOpen: true, end: undefined };
    forgotten.register(this, this.#remains, this);
  }

  get number(): number {
    return this.#remains.isOpen ? 0 : -1;
  }

  tryLock(byte: number): number {
    if (!this.#remains.isOpen || this.#readOnly) return -constants.errno.EBADF;
    const { locks, holder } = this.#remains;
    const before = locks.get(byte);
    if (before === undefined) locks.set(byte, holder);
    return before === undefined || before === holder ? 1 : 0;
  }

  unlock(byte: number): number {
    if (!this.#remains.isOpen) return -constants.errno.EBADF;
    const { locks, holder } = this.#remains;
    if (locks.get(byte) === holder) locks.delete(byte);
    return 0;
  }

  isLocked(byte: number): number {
    if (!this.#remains.isOpen) return -constants.errno.EBADF;
    const holder = this.#remains.locks.get(byte);
    return holder === undefined || holder === this.#remains.holder ? 0 : 1;
  }

  announceEnd(words: Int32Array, index: number): number {
    if (!this.#remains.isOpen || this.#remains.end !== undefined || !(index >= 0 && index + 1 < words.length)) {
      return -constants.errno.EINVAL;
    }
    this.#remains.end = { words, index };
    return 0;
  }

  close(): void {
    forgotten.unregister(this);
    release(this.#remains);
  }
}
