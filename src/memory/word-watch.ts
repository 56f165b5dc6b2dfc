import { ShmTableError } from '../errors.js';
import { futexWake } from './futex.js';
import { checked, errnoName } from './system-error.js';
import { platform } from './this-platform.js';

/** The word to sleep on, and the word that announces the sleeper. */
export interface WatchedWord {
  readonly words: Int32Array;
  /** Index of the word that writers advance. */
  readonly word: number;
  /** Index of the word that is 1 while a watcher sleeps; writers clear it and wake. -1 when the memory is read-only. */
  readonly sleepers: number;
}

/** Polling interval of a watcher of read-only memory, which cannot announce that it sleeps, in milliseconds. */
const READ_ONLY_LOOK_MS = 20;
/** Polling interval of other watchers, in milliseconds, because a writer may be stopped just before it wakes them. */
const LOOK_MS = 1000;

const ALL = 2 ** 31 - 1;

/**
 * Advances a watched word and wakes its watchers. Makes a system call only if one sleeps, or with `surely`.
 *
 * The mark is cleared before the word advances. If it were cleared afterwards, it could be the mark of a watcher that
 * has already seen the new word and is about to sleep on it, and no writer would wake that watcher. The mark is checked
 * again afterwards, for a watcher that has set it in between.
 */
export function advanceAndWake(words: Int32Array, word: number, sleepers: number, surely = false): void {
  const asleep = Atomics.load(words, sleepers) !== 0;
  if (asleep) Atomics.store(words, sleepers, 0);
  Atomics.add(words, word, 1);
  if (asleep || surely || Atomics.load(words, sleepers) !== 0) futexWake(words, word, ALL);
}

/**
 * Calls back when any process has changed a word of shared memory. A separate thread sleeps in the kernel until then;
 * it uses neither the event loop nor libuv's thread pool. Keeps the process alive until `stop`.
 */
export class WordWatch {
  readonly #sleeper = new platform.WordWatch();

  /**
   * @param seen the value that the caller has processed; if the word has another one, the callback runs immediately
   * @param callback runs on this thread; changes during the call cause one more call
   * @throws {ShmTableError} ERR_SEGMENT_NO_SPACE when no thread can be created
   */
  constructor({ words, word, sleepers }: WatchedWord, seen: number, callback: () => void) {
    const timeoutMs = sleepers < 0 ? READ_ONLY_LOOK_MS : LOOK_MS;
    const result = this.#sleeper.start(words, word, sleepers, seen, timeoutMs, () => {
      try {
        callback();
      } finally {
        this.#sleeper.acknowledge();
      }
    });
    if (result < 0 && errnoName(result) === 'EAGAIN') {
      throw new ShmTableError(
        'ERR_SEGMENT_NO_SPACE',
        'cannot start the thread that waits for changes: EAGAIN; this process or its user may have no more threads ' +
          '(RLIMIT_NPROC, a pids limit of the cgroup), or there is no memory for one',
      );
    }
    checked(result, () => `watch word ${word} of a view of ${words.length} words`);
  }

  /** Ends the thread; no callback runs afterwards. Never throws; stopping twice is harmless. */
  stop(): void {
    this.#sleeper.stop();
  }
}
