/** The tree of commands. */
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { SHARES_MEMORY } from '../memory/index.js';
import { addAlter } from './alter.js';
import { addBench } from './bench.js';
import { addCompletion } from './completion.js';
import { addDelete } from './delete.js';
import { addDestroy } from './destroy.js';
import { addDump } from './dump.js';
import { addGet } from './get.js';
import { addKeys } from './keys.js';
import { addList } from './list.js';
import { addLoad } from './load.js';
import { addRestore } from './restore.js';
import { addSegments } from './segments.js';
import { addServe } from './serve.js';
import { addSet } from './set.js';
import { addSnapshot } from './snapshot.js';
import { addStat } from './stat.js';
import { addTop } from './top.js';
import { addVerify } from './verify.js';

const COMMANDS = [
  addServe,
  addTop,
  addList,
  addStat,
  addGet,
  addKeys,
  addSet,
  addDelete,
  addDump,
  addLoad,
  addSnapshot,
  addRestore,
  addAlter,
  addVerify,
  addDestroy,
  addSegments,
  addBench,
  addCompletion,
];

export function buildProgram(): Command {
  const program = new Command('shmtable')
    .description('Tables in shared memory: serve them over HTTP, inspect and change them')
    .version(packageVersion())
    .exitOverride()
    // commander prints its suggestion on a separate line.
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'shmtable: ').replace('\n(', ' (')),
    });
  for (const add of COMMANDS) add(program);
  if (!SHARES_MEMORY) program.hook('preAction', (_program, command) => noteBlindness(command.name()));
  return program;
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('shmtable/package.json') as { version: string };
  return version;
}

/** The commands that do not need tables of other processes. */
const OWN_TABLES: ReadonlySet<string> = new Set(['serve', 'bench', 'completion']);

function noteBlindness(command: string): void {
  if (OWN_TABLES.has(command)) return;
  process.stderr.write(
    'shmtable: this command sees no tables: without shared memory they are private to the process that created them\n',
  );
}
