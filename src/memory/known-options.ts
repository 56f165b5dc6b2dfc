import { ShmTableError, show } from '../errors.js';

/**
 * Refuses options that are no object, and any that is not `known`: `ERR_ARGUMENT` names the nearest one. As with the
 * columns of a row, `undefined` counts as not given.
 */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ShmTableError('ERR_ARGUMENT', `options must be an object, got ${show(options)}`);
  }
  for (const name in options) {
    if (!isKnown(name, known) && (options as Record<string, unknown>)[name] !== undefined) refuse(name, known);
  }
}

/** Not `includes`, which is a call: this is a comparison or two, where an increment in place takes 140 ns. */
function isKnown(name: string, known: readonly string[]): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] === name) return true;
  return false;
}

function refuse(name: string, known: readonly string[]): never {
  const shown = /^[\w$]{1,40}$/.test(name) ? name : show(name);
  const near = nearest(name, known);
  const hint = near === undefined ? `the options are ${known.join(', ')}` : `did you mean ${near}?`;
  throw new ShmTableError('ERR_ARGUMENT', `unknown option ${shown}; ${hint}`);
}

/** No longer word is compared: a caller's word may be of any length, and those that it is compared with are short. */
const LONGEST_WORD = 64;

/**
 * The word that somebody who wrote `word` is likely to have meant: the one with the fewest letters changed, added, left
 * out or swapped with their neighbour, whatever their case. Undefined when more than a third of the letters differ.
 */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of words) {
    const distance = distanceOf(word.toLowerCase(), candidate.toLowerCase());
    const most = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= most && distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

/** Letters to change, add, leave out or swap with their neighbour to make `b` of `a`. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(changed, above[j] + 1, row[j - 1] + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.length];
}
