/** Finds and destroys what belongs to a table besides its segment: the other tables and the memory of a cache. */
import { hasCode } from '../errors.js';
import { advanceAndWake, DEFAULT_BACKEND, Segment } from '../memory/index.js';
import * as layout from './layout/companions.js';
import { destroyTable } from './open.js';
import { type AttachOptions, parseAttach } from './options.js';

type TablePlace = Pick<AttachOptions, 'namespace' | 'name' | 'backend'>;

/** The names of the other tables of a cache; none if the table is not that of a cache. */
export function companionsOf({ namespace, name }: Pick<TablePlace, 'namespace' | 'name'>): string[] {
  const segment = openMemory(namespace, name);
  if (segment === undefined) return [];
  const names = namesIn(segment, name);
  segment.close();
  return names;
}

/** Destroys everything that belongs to a table except for the table itself. */
export function destroyCompanions({ namespace, name, backend }: TablePlace): void {
  // The parts of a cache have the default backend.
  if (backend !== DEFAULT_BACKEND && backend !== 'auto') return;
  const segment = openMemory(namespace, name);
  if (segment === undefined) return;
  try {
    for (const companion of namesIn(segment, name)) destroyIfThere(companion, namespace);
    destroyMemory(segment);
  } finally {
    segment.close();
  }
}

/** Marks the memory of a cache, so that all handles throw from then on, wakes those that wait, and removes its name. */
export function destroyMemory(segment: Segment): void {
  if (segment.size >= layout.HEADER_BYTES) {
    const words = new Int32Array(segment.buffer, 0, layout.HEADER_BYTES / 4);
    Atomics.store(words, layout.STATE, layout.DESTROYED);
    advanceAndWake(words, layout.WAKE, layout.SLEEPERS);
  }
  segment.unlink();
}

/** The memory of the cache with this name; undefined if there is none, or it belongs to another user. */
function openMemory(namespace: string, name: string): Segment | undefined {
  try {
    return Segment.open({ name: layout.cacheMemoryName(namespace, name) });
  } catch (error) {
    if (hasCode(error, 'ERR_SEGMENT_NOT_FOUND') || hasCode(error, 'ERR_PERMISSION')) return undefined;
    throw error;
  }
}

function namesIn(segment: Segment, name: string): string[] {
  if (segment.size < layout.HEADER_BYTES) return [];
  const words = new Int32Array(segment.buffer, 0, layout.HEADER_BYTES / 4);
  if (words[layout.MAGIC] !== layout.CACHE_MAGIC) return [];
  const bits = Atomics.load(words, layout.COMPANIONS);
  const created = layout.SUFFIXES.filter((_, bit) => (bits & (1 << bit)) !== 0);
  return [layout.LOADS, ...created].map((suffix) => `${name}.${suffix}`);
}

function destroyIfThere(name: string, namespace: string): void {
  try {
    destroyTable(parseAttach({ name, namespace }));
  } catch (error) {
    if (!hasCode(error, 'ERR_TABLE_NOT_FOUND')) throw error;
  }
}
