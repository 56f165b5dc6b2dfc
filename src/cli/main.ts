#!/usr/bin/env node
/** The `shmtable` command. Exit codes: 0 done, 1 failed or not found, 2 wrong usage. */
import { CommanderError } from 'commander';
import { type ErrorCode, ShmTableError } from '../errors.js';
import { buildProgram } from './program.js';

const FAILED = 1;
const WRONG_USAGE = 2;
/** Errors of what the caller typed, and not of what was found. */
const USAGE_ERRORS: ReadonlySet<ErrorCode> = new Set(['ERR_ARGUMENT', 'ERR_KEY_INVALID']);

async function main(): Promise<number> {
  try {
    await buildProgram().parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    process.stderr.write(`shmtable: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof ShmTableError && USAGE_ERRORS.has(error.code) ? WRONG_USAGE : FAILED;
  }
}

// Whoever closes the other end of a pipe has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

main().then((code) => {
  process.exitCode = code;
}, console.error);
