import { Script } from 'node:vm';
import { native } from './native.js';

/** Called by this name it evaluates in the global scope, in the realm of whoever loaded this module. */
// biome-ignore lint/security/noGlobalEval: only texts of this package and names that a schema admits are evaluated
const evaluateGlobally = eval;

let texts = 0;

/** Where a text stands, for stack traces, profiles and source maps. */
export interface Origin {
  readonly url: string;
  /** Line, from 1, on which the text begins. */
  readonly line: number;
}

/**
 * The value of an expression, a function mostly, with code of its own however often the same text is evaluated. With
 * SHMTABLE_PRINT_CODE=1 in the environment the text is printed on the standard error. O(length of the text).
 *
 * Nor is the end of a thread's time lost, by the timeout of a `vm` script or `worker.terminate()`. With
 * --enable-source-maps, Node reads each text with JavaScript of its own before it is compiled. Stopped in there, Node 22
 * and 24 compile and run the text all the same, with the termination still pending: the next that clears or replaces a
 * pending exception drops it, and the script runs on forever. The engine looks for one whenever a native function
 * returns. So one is called before anything else is.
 *
 * @param origin where the text stands, or a name for one that was generated
 */
export function evaluate<T>(text: string, origin: Origin | string): T {
  texts++;
  const { url, line } = typeof origin === 'string' ? { url: `shmtable/${origin}-${texts}`, line: 1 } : origin;
  // The engine keeps code by its whole text: a number makes each text another one.
  const numbered = `(${text}) // ${texts}`;
  if (process.env.SHMTABLE_PRINT_CODE === '1') console.error(`// ${url}:${line}\n${numbered}`);
  try {
    const value = evaluateGlobally(`'use strict';${'\n'.repeat(line - 1)}${numbered}\n//# sourceURL=${url}`);
    native.monotonicMs();
    return value;
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    // The process runs with --disallow-code-generation-from-strings, which does not forbid scripts.
    return new Script(`'use strict'; ${numbered}`, { filename: url, lineOffset: line - 1 }).runInThisContext();
  }
}
