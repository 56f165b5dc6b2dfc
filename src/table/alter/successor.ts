import type { Column } from '../schema.js';

/**
 * What of the columns that a handle was opened with is missing in an altered table; undefined when nothing is. A string
 * or bytes column that has become longer is the same to its user; one of another kind is not.
 */
export function describeLoss(own: readonly Column[], now: readonly Column[]): string | undefined {
  for (const { name, type, kind, maxBytes } of own) {
    const found = now.find((column) => column.name === name);
    if (found === undefined) return `it no longer has column ${name} (${type})`;
    if (found.kind !== kind || found.maxBytes < maxBytes) return `column ${name} is ${found.type} now, and was ${type}`;
  }
  return undefined;
}
