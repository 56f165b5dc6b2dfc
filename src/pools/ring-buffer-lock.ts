import { ShmTableError } from '../errors.js';
import { assertStackRoom, futexWait, futexWake, monotonicMs } from '../memory/index.js';
import { HEADER_LOCK, HEADER_PID, HEADER_TURNS, HOLDER_MASK, WAITED_FOR } from './ring-buffer-layout.js';
import type { RingOwners } from './ring-buffer-owners.js';

/** Tries before looking who holds the lock: a holder that runs is done within a microsecond. */
const SPINS = 100;
/** Longest sleep before looking again whether the holder lives. */
const SLEEP_MS = 10;
/** How long a living holder is waited for, while it holds the lock: it must have been stopped. */
const TIMEOUT_MS = 1_000;
/** How long one that has just woken a sleeper leaves the lock to it. */
const COURTESY_MS = 0.1;

/**
 * The right to move a ring's head and tail.
 *
 * Invariants
 * - The word is 0 or holds the id of an owner. It returns to 0 by the hand of that owner, or of whoever holds the dead
 *   owner's byte lock. A living holder is never robbed.
 * - Nobody needs to know how far a dead holder came: see the layout.
 * - Who has slept takes the lock with the mark set: others may still sleep, and its release must wake one of them.
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
   * Takes the lock for the attached owner. One that has it already was interrupted, by an exception or the end of a
   * script, or has the id of one that died with it: the lock is just kept.
   *
   * @throws ERR_LOCK_TIMEOUT a living process has held it for a second: one that is stopped
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

  /** Without this, one that allocates in a loop has the lock again before the woken one runs. */
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

  /** Releases the lock in the place of a holder that has died with it. */
  #releaseDead(holder: number): boolean {
    return this.#owners.actFor(holder, () => {
      // It may have released the lock itself and died, or ended, since.
      if ((Atomics.load(this.#words, this.#lock) & HOLDER_MASK) === holder) this.release();
    });
  }

  #giveUp(): never {
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `process ${this.#words[this.#pid]} holds the lock of the RingBuffer and lives; waited ${TIMEOUT_MS} ms`,
    );
  }
}
