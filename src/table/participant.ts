import { ShmTableError } from '../errors.js';
import { assertStackRoom, type ByteLocks, futexWait, loadAcquire, monotonicMs } from '../memory/index.js';
import type { Caller, Locking } from './hot/lock.js';
import { Journal } from './journal.js';
import { constants } from './layout/constants.js';
import type { TableMemory } from './layout/table-memory.js';
import type { BucketNumber, WordIndex } from './layout/units.js';
import type { TableCode } from './table-code.js';

const { slot } = constants;
const { HOLDER_MASK, LOCK, WAITED_FOR } = constants.bucket;
const { READY, STATE } = constants.segment;

/**
 * Attempts to take a lock before checking who holds it: a running holder releases it within a fraction of a
 * microsecond.
 */
const SPINS = 100;
/** Longest sleep for a lock before checking again whether its holder is alive. */
const SLEEP_MS = 10;

/** The caller of operations before a handle exists; it never waits. */
const NOBODY: Caller = { isOpen: true, lockTimeoutMs: 0 };

/**
 * A table that one thread has open for writing: a slot of the segment, owned for as long as this thread holds the
 * slot's byte lock, which the kernel releases when the holder dies.
 *
 * Invariants
 * - Only the holder of a slot's byte lock writes to the slot or acts for its id. So a slot is recovered by attaching to
 *   it or by `settleIfDead`, never by taking over a bucket's lock: a lock is released under the id that took it.
 * - A bucket's lock is taken after the journal names the bucket, and released before the journal is cleared.
 * - A participant holds at most one bucket's lock.
 * - The lock of a live holder is never taken over, however slow the holder is.
 */
export class Participant {
  /** What this participant writes into lock and owner words: slot number + 1. */
  readonly id: number = 0;
  /** First word of its slot. */
  readonly at: WordIndex = 0 as WordIndex;
  readonly journal: Journal;
  /**
   * The handle whose write is in progress. Every write that may wait sets it; a getter may run another handle's write
   * in between.
   */
  caller: Caller = NOBODY;
  readonly #code: TableCode;
  readonly #memory: TableMemory;
  readonly #words: Int32Array;
  readonly #locks: ByteLocks;
  #locking: Locking | undefined;

  private constructor(code: TableCode, locks: ByteLocks, number: number) {
    this.#code = code;
    this.#memory = code.context.memory;
    this.#words = this.#memory.words;
    this.#locks = locks;
    this.id = number + 1;
    this.at = this.#memory.slotWord(number);
    this.journal = new Journal(code);
  }

  get locking(): Locking {
    this.#locking ??= this.#code.locking({
      id: this.id,
      at: this.at,
      settle: (withClaims) => settleSlot(this.#memory, this.journal, this.id - 1, this, withClaims),
      waitForLock: (home, bucket) => this.#waitForLock(home, bucket),
      refuseSpare: (spare) => this.#refuseSpare(spare),
      refuseLock: (home) => this.#refuseLock(home),
    });
    return this.#locking;
  }

  /**
   * Takes a slot without a live owner, settles what its last owner left, and makes it this thread's.
   * `ERR_TOO_MANY_PARTICIPANTS` names the processes that own the slots. O(maxParticipants).
   */
  static attach(code: TableCode, locks: ByteLocks): Participant {
    const { memory } = code.context;
    const slots = memory.layout.schema.maxParticipants;
    for (let number = 0; number < slots; number++) {
      if (!locks.tryLock(number)) continue;
      const participant = new Participant(code, locks, number);
      participant.settle();
      participant.#takeSpare(number);
      Atomics.store(memory.words, participant.at + slot.PID, process.pid);
      return participant;
    }
    const owners = participantPids(memory);
    throw new ShmTableError(
      'ERR_TOO_MANY_PARTICIPANTS',
      `all ${slots} participants of the table are attached (maxParticipants), by processes ${[...new Set(owners)].join(', ')}`,
    );
  }

  /** The slot's first spare is the row slice with the slot's own number, which the pool never hands out. */
  #takeSpare(number: number): void {
    if (this.#words[this.at + slot.SPARE] !== 0) return;
    this.#memory.rows.setOwner(number + 1, this.id);
    this.#words[this.at + slot.SPARE] = number + 1;
  }

  /** True while an operation of this participant is unfinished: interrupted by an exception or a termination. */
  get isOpen(): boolean {
    return isOpenAt(this.#words, this.at);
  }

  /**
   * `begin` for what can be done later or elsewhere: returns 0, with nothing begun, when another participant has the
   * lock.
   */
  readonly tryBegin = (operation: number, bucket: BucketNumber): WordIndex | 0 => {
    const home = this.locking.intend(operation, bucket);
    const held = Atomics.compareExchange(this.#words, home + LOCK, 0, this.id);
    if (held === 0) {
      if (loadAcquire(this.#words, STATE) === READY) return home;
      this.locking.abandon(home);
      return 0;
    }
    // If the holder is dead, the next try finds the lock free.
    this.settleHolder(held & HOLDER_MASK, bucket);
    this.locking.end();
    return 0;
  };

  #waitForLock(home: WordIndex, bucket: BucketNumber): void {
    const words = this.#words;
    const lock = home + LOCK;
    const deadline = monotonicMs() + this.caller.lockTimeoutMs;
    let mark = 0;
    for (;;) {
      for (let spin = 0; spin < SPINS; spin++) {
        // A participant that has slept keeps the mark: others may still be sleeping, and the release must wake one of
        // them.
        if (Atomics.load(words, lock) === 0 && Atomics.compareExchange(words, lock, 0, this.id | mark) === 0) return;
      }
      const held = Atomics.load(words, lock);
      if (held === 0) continue;
      const holder = held & HOLDER_MASK;
      if (this.settleHolder(holder, bucket)) continue;
      const left = deadline - monotonicMs();
      if (left <= 0) this.#giveUp(holder, bucket);
      if (Atomics.compareExchange(words, lock, held, held | WAITED_FOR) !== held) continue;
      this.#memory.doubles[this.at / 2 + slot.counterAt(slot.LOCK_WAITS)]++;
      futexWait(words, lock, held | WAITED_FOR, Math.min(SLEEP_MS, left));
      mark = WAITED_FOR;
    }
  }

  #refuseLock(home: WordIndex): never {
    this.locking.abandon(home);
    return this.#code.context.refuseWrite();
  }

  #refuseSpare(spare: number): never {
    // The memory of a segment that the handle has left reads as zeros.
    if (loadAcquire(this.#words, STATE) !== READY) this.#code.context.refuseWrite();
    throw new ShmTableError('ERR_TABLE_CORRUPT', `row ${spare} is not the spare of participant ${this.id}`);
  }

  #giveUp(holder: number, bucket: BucketNumber): never {
    this.locking.end();
    const pid = this.#words[this.#memory.slotWord(holder - 1) + slot.PID];
    throw new ShmTableError(
      'ERR_LOCK_TIMEOUT',
      `bucket ${bucket} is locked by process ${pid} (participant ${holder}), which lives; ` +
        `waited lockTimeoutMs = ${this.caller.lockTimeoutMs}`,
    );
  }

  /**
   * Settles the slot of the participant that holds this bucket's lock, given its id, if it is dead; false when it is
   * alive. `ERR_TABLE_CORRUPT` when no other participant can have this id.
   */
  settleHolder(holder: number, bucket: BucketNumber): boolean {
    const { maxParticipants } = this.#memory.layout.schema;
    if (holder === 0 || holder > maxParticipants || holder === this.id) this.#refuseHolder(holder, bucket);
    return this.settleIfDead(holder - 1, bucket);
  }

  /** Reports a lock word that no participant can have written: waiting for it would never end. */
  #refuseHolder(holder: number, bucket: BucketNumber): never {
    this.locking.end();
    throw new ShmTableError(
      'ERR_TABLE_CORRUPT',
      `bucket ${bucket} is locked by ${holder}, which is the id of no other active participant`,
    );
  }

  /**
   * Settles a slot whose owner is dead. False when its owner is alive, or another process is settling it.
   * `lockedBucket` is a bucket whose lock the dead owner was seen to hold, and which its journal must therefore name.
   */
  settleIfDead(number: number, lockedBucket?: BucketNumber): boolean {
    assertStackRoom();
    if (!this.#locks.tryLock(number)) return false;
    try {
      settleSlot(this.#memory, this.journal, number, this, true);
      // Nobody can take a lock under this id while we hold its byte lock.
      if (lockedBucket !== undefined && this.#isHeldBy(lockedBucket, number + 1)) {
        this.#refuseHolder(number + 1, lockedBucket);
      }
      Atomics.store(this.#words, this.#memory.slotWord(number) + slot.PID, 0);
    } finally {
      this.#locks.unlock(number);
    }
    return true;
  }

  #isHeldBy(bucket: BucketNumber, id: number): boolean {
    return (Atomics.load(this.#words, this.#memory.homeWord(bucket) + LOCK) & HOLDER_MASK) === id;
  }

  /**
   * Settles this participant's own slot and those whose owners are dead. Returns how many had died. O(maxParticipants),
   * with a system call for each slot that was in use.
   */
  settleDead(): number {
    this.settle();
    let settled = 0;
    const slots = this.#memory.layout.schema.maxParticipants;
    for (let number = 0; number < slots; number++) {
      const at = this.#memory.slotWord(number);
      const used = this.#words[at + slot.PID] !== 0 || isOpenAt(this.#words, at);
      if (used && number !== this.id - 1 && this.settleIfDead(number)) settled++;
    }
    return settled;
  }

  /**
   * For a writer that finds no free slice: settles the unfinished operations of dead participants, and corrects hints
   * of the pools that live ones may have left wrong when they were stopped. Returns how many were dead.
   * O(maxParticipants), with a system call for each one that has an open journal.
   */
  settleUnfinished(): number {
    let settled = 0;
    for (let number = 0; number < this.#memory.layout.schema.maxParticipants; number++) {
      const at = this.#memory.slotWord(number);
      if (number === this.id - 1 || !isOpenAt(this.#words, at)) continue;
      if (this.settleIfDead(number)) settled++;
      else this.journal.resyncNamed(at);
    }
    return settled;
  }

  /**
   * Settles this participant's own unfinished operation, if there is one. Its interruption, for example by the timeout
   * of a `vm` script, may have skipped even the `finally` blocks. The next operation settles it too; this is for the
   * case that none follows while others wait.
   */
  settle(): void {
    settleSlot(this.#memory, this.journal, this.id - 1, this, true);
  }

  /** Leaves the slot to the next participant. */
  detach(): void {
    try {
      this.settle();
      Atomics.store(this.#words, this.at + slot.PID, 0);
    } finally {
      this.#locks.close();
    }
  }
}

/** Whether the slot at word `at` has an open journal, or blocks claimed for an operation. */
function isOpenAt(words: Int32Array, at: WordIndex): boolean {
  return words[at + slot.OPERATION] !== slot.NONE || words[at + slot.HEAP_OPEN] !== 0;
}

/**
 * Completes or undoes the operation in a slot's open journal. Every step may be repeated: a process that dies here
 * leaves the journal open, and the next one begins again. Without `withClaims` the blocks that a write has claimed, and
 * the spare that names them, are left to that write.
 *
 * Requires the slot's byte lock.
 */
function settleSlot(memory: TableMemory, journal: Journal, number: number, by: Participant, withClaims: boolean): void {
  const words = memory.words;
  const at = memory.slotWord(number);
  const id = number + 1;
  if (!isOpenAt(words, at)) return;
  journal.check(at);
  const operation = words[at + slot.OPERATION];
  if (operation !== slot.NONE && journal.holdsLock(at, id)) {
    if (words[at + slot.STAGE] === slot.PREPARED) journal.carryOut(at, id);
    by.locking.release(memory.homeWord(words[at + slot.BUCKET] as BucketNumber));
  }
  journal.finishRelease(at, id);
  journal.freeRemovedChains(at, id);
  // A commit is never nested in another write, so this write was itself interrupted.
  const endsClaims = withClaims || operation === slot.COMMIT;
  if (endsClaims) journal.freeClaims(at, id);
  if (operation !== slot.NONE) journal.freeLeftovers(at, id);
  words[at + slot.OPERATION] = slot.NONE;
  if (endsClaims) words[at + slot.HEAP_OPEN] = 0;
  if (by.at !== at) memory.doubles[by.at / 2 + slot.counterAt(slot.RECOVERIES)]++;
}

/** Process ids of the participants that are attached, or have died and are not settled. */
function participantPids(memory: TableMemory): number[] {
  const pids: number[] = [];
  for (let number = 0; number < memory.layout.schema.maxParticipants; number++) {
    const pid = memory.words[memory.slotWord(number) + slot.PID];
    if (pid !== 0) pids.push(pid);
  }
  return pids;
}
