import type { Subject } from '../subject.js';

/**
 * Makes every `Table.open` of this process attach separately, with its own mapping and participant. Otherwise the
 * handles on one table in one thread share them, and a forked process would use those of its parent.
 */
export function separateHandles({ Segment }: Subject): void {
  let opened = 0;
  const unique = (): string => `handle ${++opened}`;
  Reflect.set(Segment, 'identify', unique);
  Object.defineProperty(Segment.prototype, 'identity', { get: unique });
}
