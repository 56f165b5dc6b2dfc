import { readFileSync } from 'node:fs';
import { evaluate, type Origin } from '../memory/index.js';

/**
 * Gives each table its own copy of the hot code.
 *
 * The optimising compiler shares the code of a function among all closures created from it: captured variables are
 * loaded at every use, as are an array's address, length and kind. If only one closure was ever created from a
 * function, captured variables that are never reassigned become constants in the code: a load from the table's memory
 * is one instruction with a constant address. With two tables of 1,000 rows, a `get` of a row takes 1.24 times as long
 * without this, a `set` 1.65 times, an `increment` 1.76 times.
 *
 * So the functions that an operation on a key executes are created by the functions of `hot/`, one per file, which
 * refer only to their parameters and globals. The first table of a process calls them directly; for each later one
 * their text is evaluated once more, under its own file and line, so that stack traces, profiles and source maps hold.
 */

/** Functions of `hot/` that have been called already, by the first table of the process, which needs no copy. */
const called = new WeakSet<object>();
/** Where the functions of `hot/` are in their files; undefined for one whose text differs from its file's. */
const origins = new WeakMap<object, Origin | undefined>();
let specialised = true;

/**
 * Returns what `make` creates, with its own copy of the code from the second call on; O(length of its text), a fraction
 * of a millisecond.
 *
 * Only a text that is found unchanged in its built file is evaluated: that text is known to have no free references.
 * One that a bundler, a loader or a coverage tool has changed may have some, and would fail in the middle of a write.
 * In that case `make` is called again and the tables share code, which is slower; a warning is emitted once.
 *
 * @param file the file of `hot/` that contains `make`, for example `write.js`
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

/** False when the tables of this process share code, because the package's text was changed. */
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
    `the text of ${file} is not that of the package as it was published, so the tables of this process share code and ` +
      'are slower from the second one on; exclude the package shmtable from bundles',
    { code: 'SHMTABLE_SHARED_CODE' },
  );
}
