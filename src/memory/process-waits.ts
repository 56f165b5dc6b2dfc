import { constants } from 'node:os';
import type { WordSleeper } from './platform.js';
import { processMemory } from './process-segments.js';
import { timers } from './timers.js';

/*
 * Waiting without a futex, for memory that only this thread changes. A thread that blocks waits in vain: nobody else
 * can change the word. A watch is called back in a later turn of the event loop.
 */

const WOKEN_BY_NOBODY = 2;
const CHANGED = 1;

/** A word that never changes. */
const never = new Int32Array(new SharedArrayBuffer(4));

export function waitInVain(words: Int32Array, index: number, expected: number, timeoutMs: number): number {
  const isTimeout = timeoutMs >= 0 && timeoutMs <= 2 ** 31 - 1;
  if (!isIndex(words, index) || !isTimeout) return -constants.errno.EINVAL;
  if (Atomics.load(words, index) !== (expected | 0)) return CHANGED;
  Atomics.wait(never, 0, 0, timeoutMs);
  return WOKEN_BY_NOBODY;
}

/** Wakes the watches of a word, in all copies of this package that the thread has loaded. */
export function wakeWatches(words: Int32Array, index: number, count: number): number {
  if (!isIndex(words, index)) return -constants.errno.EINVAL;
  const address = words.byteOffset + index * 4;
  let woken = 0;
  for (const watch of processMemory().watches.get(words.buffer) ?? []) {
    if (woken === count) break;
    if (watch.address === address && watch.wake()) woken++;
  }
  return woken;
}

function isIndex(words: Int32Array, index: number): boolean {
  return index >= 0 && index < words.length;
}

/** Also checks the word from time to time, because a reader of read-only memory does not announce that it sleeps. */
export class ProcessWatch implements WordSleeper {
  #words: Int32Array = never;
  #word = 0;
  #sleepers = -1;
  #seen = 0;
  #callback: () => void = () => {};
  /** Keeps the process alive, and is the net for words that are advanced without a call of `wakeWatches`. */
  #timer: NodeJS.Timeout | undefined;
  #isDue = false;

  /** Where the word is in its buffer, in bytes. */
  get address(): number {
    return this.#words.byteOffset + this.#word * 4;
  }

  start(
    words: Int32Array,
    word: number,
    sleepers: number,
    seen: number,
    timeoutMs: number,
    callback: () => void,
  ): number {
    if (this.#timer !== undefined || !isIndex(words, word) || sleepers >= words.length) return -constants.errno.EINVAL;
    this.#words = words;
    this.#word = word;
    this.#sleepers = sleepers;
    this.#seen = seen;
    this.#callback = callback;
    this.#timer = timers.setInterval(() => this.wake(), timeoutMs);
    const { watches } = processMemory();
    const others = watches.get(words.buffer) ?? new Set();
    watches.set(words.buffer, others.add(this));
    this.acknowledge();
    return 0;
  }

  /** Calls back in a later turn if the word has changed; returns whether it was not going to do so already. */
  wake(): boolean {
    if (this.#isDue || this.#timer === undefined || Atomics.load(this.#words, this.#word) === this.#seen) return false;
    this.#isDue = true;
    timers.setImmediate(() => {
      if (this.#timer === undefined) return;
      this.#seen = Atomics.load(this.#words, this.#word);
      this.#callback();
    });
    return true;
  }

  acknowledge(): void {
    this.#isDue = false;
    // Before the word is checked again: see `advanceAndWake`.
    if (this.#sleepers >= 0) Atomics.store(this.#words, this.#sleepers, 1);
    this.wake();
  }

  stop(): void {
    timers.clearInterval(this.#timer);
    this.#timer = undefined;
    processMemory().watches.get(this.#words.buffer)?.delete(this);
  }
}
