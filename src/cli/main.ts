#!/usr/bin/env node
/** The `shmtable` command. Exit codes: 0 done, 1 failed or not found, 2 wrong usage. */
import { Command, CommanderError } from 'commander';
import { type ErrorCode, ShmTableError } from '../errors.js';
import { addBench } from './bench.js';
import { addGet } from './get.js';
import { addList } from './list.js';
import { addRestore } from './restore.js';
import { addSegments } from './segments.js';
import { addServe } from './serve.js';
import { addSnapshot } from './snapshot.js';
import { addStat } from './stat.js';
import { addVerify } from './verify.js';

const FAILED = 1;
const WRONG_USAGE = 2;
/** Errors of what the caller typed, and not of what was found. */
const USAGE_ERRORS: ReadonlySet<ErrorCode> = new Set(['ERR_ARGUMENT', 'ERR_KEY_INVALID']);

async function main(): Promise<number> {
  const program = new Command('shmtable')
    .description('Tables in shared memory: serve them over HTTP, look into them')
    .exitOverride()
    .showHelpAfterError();
  for (const add of [addServe, addList, addGet, addStat, addVerify, addSegments, addSnapshot, addRestore, addBench])
    add(program);
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    process.stderr.write(`shmtable: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof ShmTableError && USAGE_ERRORS.has(error.code) ? WRONG_USAGE : FAILED;
  }
}

main().then((code) => {
  process.exitCode = code;
}, console.error);
