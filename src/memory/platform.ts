/**
 * What the package needs of the system besides memory. There are two implementations: the native addon's, for memory
 * that processes share (`linux-platform.ts`), and one in JavaScript for memory of a single thread
 * (`process-platform.ts`). Functions that can fail return 0 or more on success and a negative errno on failure.
 */
export interface Services {
  readonly WordWatch: new () => WordSleeper;
  readonly ProcessEnds: new () => ProcessEndSleeper;
  /** 0 woken or interrupted, 1 the word differs, 2 timed out. */
  futexWait(words: Int32Array, index: number, expected: number, timeoutMs: number): number;
  /** Returns how many sleepers were woken. */
  futexWake(words: Int32Array, index: number, count: number): number;
  /** Clocks, in milliseconds with their fraction: see `native/clock.cc`. */
  bootTimeMs(): number;
  monotonicMs(): number;
  wallTimeMs(): number;
  /** The wall clock minus the boot clock. */
  wallOffsetMs(): number;
  /** False in a time namespace whose offset cannot be determined. */
  readonly bootTimeIsKnown: boolean;
}

export interface Platform extends Services {
  /** Whether memory can be shared with other processes. If not, there is only the backend `process`. */
  readonly isShared: boolean;
  /** Calls a native function that does nothing to speak of: see `evaluate`. */
  callNative(): void;
  /** A random id of the time since `bootTimeMs` was 0, in the form of a UUID: when it changes, earlier times are invalid. */
  bootId(): string;
  /** See `pidNamespace` in `process-ends.ts`. */
  pidNamespace(): number;
}

/** Sleeps until a word changes: see `WordWatch`. */
export interface WordSleeper {
  start(
    words: Int32Array,
    word: number,
    sleepers: number,
    seen: number,
    timeoutMs: number,
    callback: () => void,
  ): number;
  /** Called when the callback has returned: only then may it be called again. */
  acknowledge(): void;
  stop(): void;
}

/** Sleeps until a process ends: see `ProcessEnds`. */
export interface ProcessEndSleeper {
  start(callback: () => void): number;
  add(pid: number): number;
  remove(number: number): number;
  stop(): void;
}

/** The memory of a segment as one handle sees it. */
export interface MappedMemory {
  readonly buffer: ArrayBuffer;
  protect(readOnly: boolean): number;
  sync(): number;
  useHugePages(): number;
  /** Releases the pages; views of the buffer keep their length and read zeros. */
  close(): void;
  /** Releases the pages; views of the buffer lose their elements. Slows the isolate on Node 20: see `mapping.cc`. */
  detach(): void;
}
