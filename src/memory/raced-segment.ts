import { hasCode, ShmTableError } from '../errors.js';
import { Segment } from './segment.js';
import type { SegmentOptions } from './segment-options.js';

/** Maximum number of attempts to open or create it while others create and destroy it. */
const MAX_RACES = 1_000;

/** What is made of a segment that processes open and create without a common order, and destroy by a mark in it. */
interface Destroyable {
  readonly isDestroyed: boolean;
}

/**
 * What `make` makes of a segment; undefined if there is none, or it was destroyed. What `make` throws, and the errors of
 * `Segment.open`.
 */
export function openLiving<T extends Destroyable>(name: string, make: (segment: Segment) => T): T | undefined {
  let segment: Segment;
  try {
    segment = Segment.open({ name });
  } catch (error) {
    if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND')) return undefined;
    throw error;
  }
  try {
    const memory = make(segment);
    if (!memory.isDestroyed) return memory;
    // The process that destroyed it was killed before it could remove the name.
    segment.unlink();
    segment.close();
    return undefined;
  } catch (error) {
    segment.close();
    throw error;
  }
}

/** `openLiving`, or what `make` makes of a segment that is created with `initialise`, without races between processes. */
export function openOrCreateLiving<T extends Destroyable>(
  options: SegmentOptions,
  initialise: (segment: Segment) => void,
  make: (segment: Segment) => T,
): T {
  for (let races = 0; races < MAX_RACES; races++) {
    const found = openLiving(options.name, make);
    if (found !== undefined) return found;
    try {
      return make(Segment.create(options, initialise));
    } catch (error) {
      if (!hasCode(error, 'ERR_SEGMENT_EXISTS')) throw error;
    }
  }
  throw new ShmTableError('ERR_TABLE_CORRUPT', `segment "${options.name}" can be neither opened nor created`);
}
