import { ShmTableError } from '../../errors.js';
import { type ByteLocks, futexWait, futexWake, monotonicMs } from '../../memory/index.js';
import { ALTERER, DESTROYED, FROZEN, MOVED, READY, STATE } from '../layout/segment.js';

/*
 * The state of a table's segment while the table is altered:
 *
 *     READY ──freeze──> FROZEN ──move──> MOVED
 *       ^                 |
 *       └──────thaw───────┘      and from READY and FROZEN: DESTROYED
 *
 * - Only the holder of ALTER_BYTE makes these changes, each by a compare-and-swap, since the table may be destroyed at
 *   any time. The kernel releases the byte when its holder dies: whoever then takes it finds the table FROZEN, and
 *   thaws it.
 * - A writer compares the state after it has taken the lock of a bucket, and the freezer looks at every lock after it has
 *   stored FROZEN. So either the writer sees FROZEN and lets go of the lock with nothing changed, or the freezer sees
 *   the lock and waits for it. Once all locks were seen free, the rows do not change any more.
 * - Readers go on in a FROZEN segment. In one that is MOVED they may finish the operation that they are in: it began
 *   before the table moved, and nobody can write to the new segment before that.
 */

/** After the bytes of the participants, of the sweeper and of the boot record. */
const ALTER_BYTE = 0x10002;
/** Longest sleep until a writer looks whether the alterer is dead, in milliseconds. */
const SLEEP_MS = 10;
const ALL = 2 ** 31 - 1;

/** A write that found the table frozen or gone when it had the lock: nothing has changed, and it is to begin again. */
export class WriteRefused extends ShmTableError {
  constructor(name: string) {
    super('ERR_LOCK_TIMEOUT', `table ${name} is being altered`);
  }
}

/**
 * Takes the right to alter the table; false when another one has it. If the last one died while the table was FROZEN,
 * `clean` is to remove what it has left, and the table is thawed.
 */
export function beginAlteration(locks: ByteLocks, words: Int32Array, clean: () => void): boolean {
  if (!locks.tryLock(ALTER_BYTE)) return false;
  if (Atomics.load(words, STATE) !== FROZEN) return true;
  try {
    clean();
  } catch (error) {
    // What remains is removed by the next one who alters the table.
    thaw(words);
    endAlteration(locks);
    throw error;
  }
  thaw(words);
  return true;
}

export function endAlteration(locks: ByteLocks): void {
  locks.unlock(ALTER_BYTE);
}

/** False when the table is not READY. Requires ALTER_BYTE, as do the next two. */
export function freeze(words: Int32Array): boolean {
  words[ALTERER] = process.pid;
  return Atomics.compareExchange(words, STATE, READY, FROZEN) === READY;
}

/** Lets writers continue, if they are held. */
export function thaw(words: Int32Array): void {
  if (Atomics.compareExchange(words, STATE, FROZEN, READY) === FROZEN) wake(words);
}

/** Makes the next generation the table; false when the table was destroyed meanwhile. */
export function move(words: Int32Array): boolean {
  return Atomics.compareExchange(words, STATE, FROZEN, MOVED) === FROZEN;
}

/** Wakes the writers that wait in `awaitWritable`. */
export function wake(words: Int32Array): void {
  futexWake(words, STATE, ALL);
}

/** Marks the table as destroyed; false when it has moved, and the table in the next generation is to be marked. */
export function markDestroyed(words: Int32Array): boolean {
  for (;;) {
    const state = Atomics.load(words, STATE);
    if (state === MOVED) return false;
    if (Atomics.compareExchange(words, STATE, state, DESTROYED) !== state) continue;
    wake(words);
    return true;
  }
}

/** Waits while the table is frozen. `ERR_LOCK_TIMEOUT` after `timeoutMs`. For `clean`, see `beginAlteration`. */
export function awaitWritable(
  name: string,
  words: Int32Array,
  locks: ByteLocks,
  timeoutMs: number,
  clean: () => void,
): void {
  const deadline = monotonicMs() + timeoutMs;
  while (Atomics.load(words, STATE) === FROZEN) {
    if (beginAlteration(locks, words, clean)) {
      endAlteration(locks);
      return;
    }
    const left = deadline - monotonicMs();
    if (left <= 0) {
      throw new ShmTableError(
        'ERR_LOCK_TIMEOUT',
        `table ${name} is being altered by process ${words[ALTERER]}; waited lockTimeoutMs = ${timeoutMs}`,
      );
    }
    futexWait(words, STATE, FROZEN, Math.min(SLEEP_MS, left));
  }
}
