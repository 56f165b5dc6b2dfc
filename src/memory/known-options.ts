import { ShmTableError, show } from '../errors.js';

/**
 * Checks that `options` is an object with only `known` options. As with the columns of a row, `undefined` counts as
 * absent.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when it is not; names the nearest known option
 */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ShmTableError('ERR_ARGUMENT', `options must be an object, got ${show(options)}`);
  }
  for (const name in options) {
    if (!isKnown(name, known) && (options as Record<string, unknown>)[name] !== undefined) refuse(name, known);
  }
}

/** Not `includes`, which is a call: this is one or two comparisons, and an in-place increment takes only 140 ns. */
function isKnown(name: string, known: readonly string[]): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] === name) return true;
  return false;
}

function refuse(name: string, known: readonly string[]): never {
  const shown = /^[\w$]{1,40}$/.test(name) ? name : show(name);
  const hint = hintFor(name, known, `the options are ${known.join(', ')}`);
  throw new ShmTableError('ERR_ARGUMENT', `unknown option ${shown}; ${hint}`);
}

/** The hint of a message about an unknown name: the nearest known one, or what `otherwise` says. */
export function hintFor(name: string, known: readonly string[], otherwise: string): string {
  const near = nearest(name, known);
  return near === undefined ? otherwise : `did you mean ${near}?`;
}

/** Longer words are not compared: a caller's word can have any length, and the known ones are short. */
const LONGEST_WORD = 64;

/**
 * Returns the word that was probably meant by `word`: the one with the fewest letters changed, added, omitted or
 * swapped with their neighbour, ignoring case; undefined when more than a third of the letters differ.
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

/** Number of letters to change, add, omit or swap with their neighbour to turn `a` into `b`. */
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
