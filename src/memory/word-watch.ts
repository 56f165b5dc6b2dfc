import { ShmTableError } from '../errors.js';
import { native } from './native.js';
import { checked, errnoName } from './system-error.js';

/** Where to sleep and how writers learn of it. */
export interface WatchedWord {
  readonly words: Int32Array;
  /** Index of the word that writers advance. */
  readonly word: number;
  /** Index of the word that is 1 while somebody sleeps: writers clear it and wake. -1 when the memory is read-only. */
  readonly sleepers: number;
}

/** How often a watcher of read-only memory looks, in milliseconds: it cannot say that it sleeps. */
const READ_ONLY_LOOK_MS = 20;
/** How often any other one looks, woken or not: a writer may be stopped when it is about to wake it. */
const LOOK_MS = 1000;

/**
 * Calls back when a word of shared memory has changed, from whichever process. A thread of its own sleeps in the
 * kernel until then; it occupies neither the event loop nor libuv's pool. Keeps the process alive until `stop`.
 */
export class WordWatch {
  readonly #native = new native.WordWatch();

  /**
   * @param seen the word's value that the caller has dealt with: another one calls back at once
   * @param callback runs on this thread; changes that come while it runs give one more call
   * @throws ERR_SEGMENT_NO_SPACE when no thread can be made
   */
  constructor({ words, word, sleepers }: WatchedWord, seen: number, callback: () => void) {
    const timeoutMs = sleepers < 0 ? READ_ONLY_LOOK_MS : LOOK_MS;
    const result = this.#native.start(words, word, sleepers, seen, timeoutMs, () => {
      try {
        callback();
      } finally {
        this.#native.acknowledge();
      }
    });
    if (result < 0 && errnoName(result) === 'EAGAIN') {
      throw new ShmTableError(
        'ERR_SEGMENT_NO_SPACE',
        'Could not start the 1 thread that waits for changes: EAGAIN. This process or its user may have no more ' +
          'threads (RLIMIT_NPROC, a pids limit of the cgroup), or there is no memory for one.',
      );
    }
    checked(result, () => `watch word ${word} of a view of ${words.length} words`);
  }

  /** Ends the thread; no call comes after it. Twice is harmless. Cannot fail. */
  stop(): void {
    this.#native.stop();
  }
}
