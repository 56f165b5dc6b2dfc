export type { BackendName, SegmentInfo } from './backend.js';
export { firstFound, firstSupported, SHARED_BACKENDS } from './backend-choice.js';
export { ByteLocks } from './byte-locks.js';
export { bootId, bootTimeMs } from './clock.js';
export { futexWait, futexWake } from './futex.js';
export { storeOrdered } from './ordered-store.js';
export { Segment } from './segment.js';
export type { SegmentOpenOptions, SegmentOptions } from './segment-options.js';
export { type WatchedWord, WordWatch } from './word-watch.js';
