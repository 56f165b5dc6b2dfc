import { ShmTableError } from '../errors.js';
import { assertStackRoom, futexWait, futexWake, monotonicMs } from '../memory/index.js';
import { HEADER_LOCK, HEADER_PID, HEADER_TURNS, HOLDER_MASK, WAITED_FOR } from './ring-buffer-layout.js';
import type { RingOwners } from './ring-buffer-owners.js';

/** Attempts before checking who holds the lock: a running holder releases it within a microsecond. */
const SPINS = 100;
/** Maximum sleep before checking again whether the holder is alive. */
const SLEEP_MS = 10;
/** How long to wait for a live holder; one that takes this long must have been stopped. */
const TIMEOUT_MS = 1_000;
/** How long a handle that has just woken a sleeper leaves the lock to it. */
const COURTESY_MS = 0.1;

/**
 * The right to move a ring's head and tail.
 *
 * Invariants
 * - The word is 0 or contains the id of an owner. Only that owner, or the holder of the dead owner's byte lock, sets it to
 *   0. A live holder never loses the lock.
 * - It does not matter at which step a holder died: see the layout.
 * - A handle that has slept takes the lock with the mark set: others may still sleep, and its release must wake one.
 */
export class RingLock {
  readonly #words: Int32Array;
  readonly #lock: number;
  readonly #pid: number;
  readonly #turns: number;
  readonly #owners: RingOwners;
  readonly #ownPid = process.pid;
  /** Whether the last release woke a sleeper. */
  #hasWoken = false;

  /** @param header the ring's first word */
  constructor(words: Int32Array, header: number, owners: RingOwners) {
    this.#words = words;
    this.#lock = header + HEADER_LOCK;
    this.#pid = header + HEADER_PID;
    this.#turns = header + HEADER_TURNS;
    this.#owners = owners;
  }

  /**
   * Takes the lock for the attached owner. If the owner already has it, because it was interrupted by an exception or
   * the timeout of a script, or has taken over the id of an owner that died with the lock, it keeps the lock.
   *
   * @throws {ShmTableError} ERR_LOCK_TIMEOUT when a live process, which must be stopped, has held it for a second
   */
  acquire(): void {
    assertStackRoom();
    if (this.#hasWoken) this.#letTheWokenPass();
    const { id } = this.#owners;
    const held = Atomics.compareExchange(this.#words, this.#lock, 0, id);
    if (held !== 0 && (held & HOLDER_MASK) !== id) this.#wait(id);
    this.#words[this.#pid] = this.#ownPid;
    this.#words[this.#turns]++;
  }

  release(): void {
    if (Atomics.exchange(this.#words, this.#lock, 0) < 0) this.#hasWoken = futexWake(this.#words, this.#lock, 1) > 0;
  }

  /** Without this, a handle that allocates in a loop takes the lock again before the woken process runs. */
  #letTheWokenPass(): void {
    this.#hasWoken = false;
    futexWait(this.#words, this.#lock, 0, COURTESY_MS);
  }

  #wait(id: number): void {
    const words = this.#words;
    const lock = this.#lock;
    let start = monotonicMs();
    let turn = Atomics.load(words, this.#turns);
    let mark = 0;
    for (;;) {
      for (let spin = 0; spin < SPINS; spin++) {
        if (Atomics.load(words, lock) === 0 && Atomics.compareExchange(words, lock, 0, id | mark) === 0) return;
      }
      const held = Atomics.load(words, lock);
      if (held === 0 || this.#releaseDead(held & HOLDER_MASK)) continue;
      const now = Atomics.load(words, this.#turns);
      if (now !== turn) {
        turn = now;
        start = monotonicMs();
      } else if (monotonicMs() - start >= TIMEOUT_MS) this.#giveUp();
      if (Atomics.compareExchange(words, lock, held, held | WAITED_FOR) !== held) continue;
      futexWait(words, lock, held | WAITED_FOR, SLEEP_MS);
      mark = WAITED_FOR;
    }
  }

  /** Releases the lock of a dead holder. */
  #releaseDead(holder: number): boolean {
    return this.#owners.actFor(holder, () => {
      // It may have released the lock itself and then died or closed.
      if ((Atomics.load(this.#words, this.#lock) & HOLDER_MASK) === holder) this.release();
    });
  }

  #giveUp(): never {
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `process ${this.#words[this.#pid]} is alive and has held the lock of the RingBuffer for ${TIMEOUT_MS} ms`,
    );
  }
}
