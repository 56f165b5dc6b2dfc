/** Describes the differences between two schemas. */
import type { HeapSchema, TableSchema } from './options.js';
import type { Column } from './schema.js';

/** Number of differing columns that are listed; of the others only the number is reported. */
const MAX_LISTED = 10;

/**
 * The differences between a table's schema and the given one, with both sides of each; undefined when they are the
 * same. maxParticipants is not compared.
 */
export function describeMismatch(stored: TableSchema, given: TableSchema): string | undefined {
  const differences = [describeColumns(stored.columns, given.columns)];
  for (const name of ['capacity', 'maxKeyBytes', 'evict', 'changes'] as const) {
    if (stored[name] !== given[name]) differences.push(`${name} is ${stored[name]}, given was ${given[name]}`);
  }
  if (stored.heap?.bytes !== given.heap?.bytes || stored.heap?.blockBytes !== given.heap?.blockBytes) {
    differences.push(`heap is ${describeHeap(stored.heap)}, given was ${describeHeap(given.heap)}`);
  }
  const found = differences.filter((difference) => difference !== undefined);
  return found.length === 0 ? undefined : found.join('; ');
}

function describeHeap(heap: HeapSchema | undefined): string {
  return heap === undefined ? 'none' : `${heap.bytes} bytes in blocks of ${heap.blockBytes}`;
}

/**
 * The differences between the stored columns and the given ones; undefined when they are the same in the same order.
 */
export function describeColumns(stored: readonly Column[], given: readonly Column[]): string | undefined {
  const storedTypes = typesOf(stored);
  const givenTypes = typesOf(given);
  const retyped = stored.filter(({ name, type }) => givenTypes.has(name) && givenTypes.get(name) !== type);
  const differences = [
    ...retyped.map(({ name, type }) => `column ${name} is ${type}, given was ${givenTypes.get(name)}`),
    ...stored
      .filter(({ name }) => !givenTypes.has(name))
      .map(({ name, type }) => `column ${name} (${type}) was not given`),
    ...given
      .filter(({ name }) => !storedTypes.has(name))
      .map(({ name, type }) => `column ${name} (${type}) was given and is not there`),
  ];
  if (differences.length > MAX_LISTED) {
    const more = differences.length - MAX_LISTED;
    return `${differences.slice(0, MAX_LISTED).join('; ')}; and ${more} more columns differ`;
  }
  if (differences.length > 0) return differences.join('; ');
  const first = stored.findIndex(({ name }, i) => given[i].name !== name);
  if (first < 0) return undefined;
  return `the columns are the same in another order: column ${first + 1} is ${stored[first].name}, given was ${given[first].name}`;
}

function typesOf(columns: readonly Column[]): ReadonlyMap<string, string> {
  return new Map(columns.map(({ name, type }) => [name, type]));
}
