#!/usr/bin/env node
/** The `shmtable` command. */
import { runCommand } from './run-command.js';

// It is not an error to close the other end of a pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

runCommand(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
}, console.error);
