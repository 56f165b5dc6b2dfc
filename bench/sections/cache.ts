/** One process: a cache of sessions compared with `lru-cache`, which no other process sees. */
import { type Figure, ratioFigure } from '../../src/bench/figure.js';
import { type Measurement, measureInterleaved } from '../../src/bench/interleaved.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { CACHE, type CacheOperation, LRU_CACHE, OPERATIONS, openCache, openLruCache } from '../subjects/caches.js';

const TARGETS: Partial<Record<CacheOperation, number>> = { get: 0.8, set: 0.5 };
/** Target for a `getOrSet` that finds its value: at most 1.2 times as long as `get`. */
const GET_OR_SET_TARGET = 0.83;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const keys = rowsFor(effort, rows);
  const measurements = await measureInterleaved<CacheOperation>([openCache, openLruCache], {
    operations: OPERATIONS,
    absent: ['absent key'],
    keys,
    rounds: effort.rounds,
    sliceOperations: effort.sliceOperations,
  });
  const under = (operation: CacheOperation, subject: string): Measurement => {
    const found = measurements.find((each) => each.operation === operation && each.subject === subject);
    if (found === undefined) throw new Error(`${operation} of ${subject} was not measured`);
    return found;
  };
  const entries = `${keys.toLocaleString('en')} sessions of 300 B`;
  const figures: Figure[] = (['get', 'absent key', 'set'] as const).map((operation) => {
    const atLeast = TARGETS[operation];
    const target = atLeast === undefined ? {} : { target: { atLeast } };
    return ratioFigure(`${operation}, ${entries}`, under(operation, CACHE), under(operation, LRU_CACHE), target);
  });
  const awaited = under('getOrSet', CACHE);
  const plain = { ...under('get', CACHE), subject: 'get' };
  const target = { target: { atLeast: GET_OR_SET_TARGET } };
  figures.push(ratioFigure(`getOrSet that finds its value, ${entries}`, awaited, plain, target));
  return { figures };
}
