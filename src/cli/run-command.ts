import { CommanderError } from 'commander';
import { type ErrorCode, ShmTableError } from '../errors.js';
import { buildProgram } from './program.js';

const FAILED = 1;
const WRONG_USAGE = 2;
/** Codes of errors in the command line, as opposed to errors in the data. */
const USAGE_ERRORS: ReadonlySet<ErrorCode> = new Set(['ERR_ARGUMENT', 'ERR_KEY_INVALID']);

/**
 * Runs the command that these arguments name. Returns its exit code: 0 success, 1 failed or not found, 2 wrong usage.
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    await buildProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    process.stderr.write(`shmtable: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof ShmTableError && USAGE_ERRORS.has(error.code) ? WRONG_USAGE : FAILED;
  }
}
