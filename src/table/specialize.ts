import { evaluate } from '../memory/index.js';
import { hotText } from './hot-text.js';

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
 * their text is evaluated once more. It is the text of the file, not that of the function in this process, to which a
 * bundler, a minifier or a coverage tool may have added references that only exist where it is.
 */

/** Functions of `hot/` that have been called already, by the first table of the process, which needs no copy. */
const called = new WeakSet<object>();

/**
 * Returns what `make` creates, with its own copy of the code from the second call on; O(length of its text), a fraction
 * of a millisecond.
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
  const { text, origin } = hotText(file);
  return evaluate<typeof make>(text, origin)(...args);
}
