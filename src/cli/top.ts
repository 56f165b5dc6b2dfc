import { type Command, InvalidArgumentError } from 'commander';
import { integerArgument } from './arguments.js';
import type { TopFlags } from './run-top.js';

const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 3_600_000;

/** `shmtable top` */
export function addTop(program: Command): void {
  program
    .command('top')
    .description('show tables, rates, services and their latest events, until q or Ctrl-C')
    .option('--interval <ms>', 'milliseconds between two samples', intervalArgument, 1000)
    .option('--json', 'print one sample as JSON')
    .action(async (flags: TopFlags) => {
      const { runTop } = await import('./run-top.js');
      await runTop(flags);
    });
}

function intervalArgument(text: string): number {
  const value = integerArgument(text);
  if (value >= MIN_INTERVAL_MS && value <= MAX_INTERVAL_MS) return value;
  throw new InvalidArgumentError(`It must be an integer of ${MIN_INTERVAL_MS} .. ${MAX_INTERVAL_MS}.`);
}
