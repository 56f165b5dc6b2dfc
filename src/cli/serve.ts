import type { Command } from 'commander';
import { SERVICE_DEFAULTS, SETTINGS_FILE } from '../server/settings/defaults.js';
import type { ServeFlags } from './run-service.js';

/** `shmtable serve` */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve tables over HTTP until SIGTERM')
    .option('--config <file>', `configuration file (default: ${SETTINGS_FILE}, if it exists)`)
    .option('--host <address>', `address to listen on (default: ${SERVICE_DEFAULTS.host})`)
    .option('--port <number>', `port to listen on, 0 for any (default: ${SERVICE_DEFAULTS.port})`)
    .option('--workers <number>', 'worker processes (default: the available cores)')
    .option(
      '--table <spec>',
      "a table to create: 'name:capacity:column=type,...[:heap=bytes]'; may be repeated",
      collect,
      [],
    )
    .option('--alter', 'alter existing tables that have another schema than the settings say, instead of stopping')
    .action(async (flags: ServeFlags) => {
      // Loaded only for this command: loading the service takes three times as long as everything else.
      const { runService } = await import('./run-service.js');
      await runService(flags);
    });
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
