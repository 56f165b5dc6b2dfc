import type { Subject } from '../subject.js';

/**
 * Makes every `Table.open` of this process attach by itself, with a mapping and a participant of its own. Handles of one
 * table in one thread share them otherwise, and a forked process, which is to be another one, would go on with its
 * parent's.
 */
export function separateHandles({ Segment }: Subject): void {
  let opened = 0;
  const unique = (): string => `handle ${++opened}`;
  Reflect.set(Segment, 'identify', unique);
  Object.defineProperty(Segment.prototype, 'identity', { get: unique });
}
