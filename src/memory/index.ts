export {
  BACKEND_NAMES,
  type BackendName,
  DEFAULT_BACKEND,
  type SegmentInfo,
  type SegmentLocation,
  SHARES_MEMORY,
  TRANSIENT_BACKEND,
} from './backend.js';
export { firstFound, firstSupported, SHARED_BACKENDS } from './backend-choice.js';
export { ByteLocks } from './byte-locks.js';
export {
  assertBootTimeKnown,
  bootId,
  bootTimeMs,
  monotonicMs,
  pause,
  performanceTimeMs,
  processStartMs,
  turn,
  wallOffsetMs,
  wallTimeMs,
} from './clock.js';
export { evaluate, type Origin } from './evaluate.js';
export { futexWait, futexWake } from './futex.js';
export { checkOptions, hintFor } from './known-options.js';
export { fence, loadAcquire, loadAfter, storeRelease, storeReleaseByte } from './ordered-access.js';
export { ProcessEnds, pidNamespace } from './process-ends.js';
export { openLiving, openOrCreateLiving } from './raced-segment.js';
export { Segment } from './segment.js';
export type { SegmentOpenOptions, SegmentOptions, SegmentPlace } from './segment-options.js';
export { SHM_DIRECTORY } from './shm-directory.js';
export { sleep } from './sleep.js';
export { assertStackRoom } from './stack-room.js';
export { attemptedLater } from './system-error.js';
export { timers } from './timers.js';
export { advanceAndWake, type WatchedWord, WordWatch } from './word-watch.js';
