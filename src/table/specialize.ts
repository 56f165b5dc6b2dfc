import { readFileSync } from 'node:fs';
import { evaluate, type Origin } from '../memory/index.js';

/**
 * Code of a table's own.
 *
 * The optimising compiler shares the code of a function among all closures made of it: what they find around them is
 * loaded at every use, and an array is asked for its address, its length and its kind each time. Where only one closure
 * was ever made of a function, everything around it that is never assigned is part of the code instead: a load from the
 * table's memory is one instruction with a constant address. With two tables of 1,000 rows a `get` of a row takes 1.24
 * times as long without it, a `set` 1.65 times, an `increment` 1.76 times.
 *
 * So the functions that an operation on a key runs through are made by the functions of `hot/`, one for each file, which
 * refer to their parameters and globals only. The first table of a process calls them; for each later one their text is
 * evaluated once more, under the file and line where it stands, so that stack traces, profiles and source maps hold.
 */

/** Functions of `hot/` that have been called: by the first table of the process, which needs no copy. */
const called = new WeakSet<object>();
/** Where the functions of `hot/` stand, undefined for one whose text is not that of its file. */
const origins = new WeakMap<object, Origin | undefined>();
let specialised = true;

/**
 * What `make` makes, with code of its own from the second call on; O(length of its text), a fraction of a millisecond.
 *
 * Only a text that stands in its file as it was built is evaluated: that text is known to refer to nothing around it. One
 * that a bundler, a loader or a coverage tool has changed may, and would fail in the middle of a write. Then `make` is called
 * again and the tables share code, which is slower; the process is warned once.
 *
 * @param file the file of `hot/` that `make` stands in, `write.js` say
 */
export function specialize<Args extends unknown[], Made>(
  file: string,
  make: (...args: Args) => Made,
  ...args: Args
): Made {
  if (!called.has(make)) {
    called.add(make);
    return make(...args);
  }
  if (!origins.has(make)) origins.set(make, findOrigin(file, String(make)));
  const origin = origins.get(make);
  if (origin === undefined) {
    warnShared(file);
    return make(...args);
  }
  return evaluate<typeof make>(String(make), origin)(...args);
}

/** False when tables of this process share code, because the package's text was changed. */
export function isSpecialised(): boolean {
  return specialised;
}

function findOrigin(file: string, text: string): Origin | undefined {
  try {
    const url = new URL(`./hot/${file}`, import.meta.url);
    const source = readFileSync(url, 'utf8');
    const start = source.indexOf(text);
    return start < 0 ? undefined : { url: url.href, line: source.slice(0, start).split('\n').length };
  } catch {
    return undefined;
  }
}

function warnShared(file: string): void {
  if (!specialised) return;
  specialised = false;
  process.emitWarning(
    `the text of ${file} is not that of the package as it was published, so all tables of this process share code and ` +
      'are slower from the second one on; leave the package shmtable out of bundles',
    { code: 'SHMTABLE_SHARED_CODE' },
  );
}
