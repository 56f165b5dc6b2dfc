import { Script } from 'node:vm';
import { platform } from './this-platform.js';

/** Called by this name, eval evaluates in the global scope, in the realm that loaded this module. */
// biome-ignore lint/security/noGlobalEval: only texts of this package and names that a schema admits are evaluated
const evaluateGlobally = eval;

let texts = 0;

/** The place of a text in its source, for stack traces, profiles and source maps. */
export interface Origin {
  readonly url: string;
  /** Line, from 1, on which the text begins. */
  readonly line: number;
}

/**
 * The value of an expression, usually a function, with separate code each time the same text is evaluated. With
 * SHMTABLE_PRINT_CODE=1 in the environment, the text is printed on standard error. O(length of the text).
 *
 * A termination of the thread, by the timeout of a `vm` script or `worker.terminate()`, is not lost. With
 * --enable-source-maps, Node examines each text with its own JavaScript before it is compiled. If the thread is
 * terminated there, Node 22 and 24 still compile and run the text, with the termination pending. Any code that clears
 * or replaces a pending exception would then drop it, and the script would run forever. The engine checks for a
 * termination whenever a native function returns, so one is called first.
 *
 * @param origin the place of the text, or a name for a generated one
 */
export function evaluate<T>(text: string, origin: Origin | string): T {
  texts++;
  const { url, line } = typeof origin === 'string' ? { url: `shmtable/${origin}-${texts}`, line: 1 } : origin;
  // The engine caches code by its text: a number makes each text unique.
  const numbered = `(${text}) // ${texts}`;
  if (process.env.SHMTABLE_PRINT_CODE === '1') console.error(`// ${url}:${line}\n${numbered}`);
  try {
    const value = evaluateGlobally(`'use strict';${'\n'.repeat(line - 1)}${numbered}\n//# sourceURL=${url}`);
    platform.callNative();
    return value;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    // The process runs with --disallow-code-generation-from-strings, which does not forbid scripts.
    return new Script(`'use strict'; ${numbered}`, { filename: url, lineOffset: line - 1 }).runInThisContext();
  }
}
