export { BACKEND_NAMES, type BackendName, DEFAULT_BACKEND, type SegmentInfo } from './backend.js';
export { firstFound, firstSupported, SHARED_BACKENDS } from './backend-choice.js';
export { ByteLocks } from './byte-locks.js';
export {
  assertBootTimeKnown,
  bootId,
  bootTimeMs,
  monotonicMs,
  pause,
  processStartMs,
  timers,
  turn,
  wallOffsetMs,
  wallTimeMs,
} from './clock.js';
export { evaluate, type Origin } from './evaluate.js';
export { futexWait, futexWake } from './futex.js';
export { checkOptions, hintFor } from './known-options.js';
export { loadAcquire, storeRelease } from './ordered-access.js';
export { ProcessEnds, pidNamespace } from './process-ends.js';
export { Segment } from './segment.js';
export type { SegmentOpenOptions, SegmentOptions } from './segment-options.js';
export { SHM_DIRECTORY } from './shm-directory.js';
export { assertStackRoom } from './stack-room.js';
export { attemptedLater } from './system-error.js';
export { advanceAndWake, type WatchedWord, WordWatch } from './word-watch.js';
