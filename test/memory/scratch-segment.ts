import { readdirSync, readlinkSync } from 'node:fs';
import type { Test } from 'tap';
import { type BackendName, Segment, type SegmentOptions } from '../../src/memory/index.js';
import { placeOf } from '../fixtures/segment-place.js';

export const BACKENDS = ['posix', 'anonymous', 'sysv', 'file'] as const satisfies BackendName[];

/** Backends whose segments can grow. */
export const GROWING: readonly BackendName[] = ['posix', 'anonymous', 'file'];

let names = 0;

/** A segment name that no other test and no other run uses. */
export function scratchName(): string {
  return `shmtable-test-${process.pid}-${++names}`;
}

/** When the test ends, removes the segment of that name if it exists. */
export function removeAtEnd(t: Test, backend: BackendName, name: string): void {
  t.teardown(() => {
    const { path } = placeOf(backend, name);
    if (!Segment.list({ path }).some((info) => info.name === name && info.backend === backend)) return;
    const segment = Segment.open({ ...placeOf(backend, name) });
    segment.unlink();
    segment.close();
  });
}

/** A segment that is removed when the test ends. */
export function scratchSegment(t: Test, options: Partial<SegmentOptions> = {}): Segment {
  const { backend = 'posix', name = scratchName(), size = 4096 } = options;
  removeAtEnd(t, backend, name);
  const segment = Segment.create({ ...options, ...placeOf(backend, name), size });
  t.teardown(() => segment.close());
  return segment;
}

/** The targets of this process's open descriptors, sorted; without modules, which Node closes later than it loads them. */
export function openFiles(): string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((number) => {
      try {
        return [readlinkSync(`/proc/self/fd/${number}`)];
      } catch {
        // The descriptor with which the folder was read.
        return [];
      }
    })
    .filter((target) => !target.endsWith('.js'))
    .sort();
}
