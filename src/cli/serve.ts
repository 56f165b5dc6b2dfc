import type { Command } from 'commander';
import { runPrimary } from '../server/primary.js';
import { createLog } from '../server/service-log.js';
import { loadSettings } from '../server/settings/load-settings.js';
import { integerOf } from '../server/settings/settings-environment.js';
import type { GivenSettings } from '../server/settings/settings-schema.js';
import { parseTableFlags } from '../server/settings/table-flag.js';

interface ServeFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly workers?: string;
  readonly table: readonly string[];
}

/** `shmtable serve` */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('serve tables over HTTP until SIGTERM')
    .option('--config <file>', 'configuration file (default: shmtable.config.json, if there is one)')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for any (default: 7070)')
    .option('--workers <number>', 'worker processes (default: the available cores)')
    .option('--table <table>', "a table to create: 'name:capacity:column=type,...'; may be repeated", collect, [])
    .action(async (flags: ServeFlags) => {
      const { settings, warnings } = loadSettings(flags.config, process.env, settingsOf(flags));
      const log = createLog(settings.logLevel);
      for (const warning of warnings) log.warn(warning);
      await runPrimary(settings, log);
    });
}

function settingsOf({ host, port, workers, table }: ServeFlags): GivenSettings {
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: integerOf('--port', port) }),
    ...(workers === undefined ? {} : { workers: integerOf('--workers', workers) }),
    tables: parseTableFlags(table),
  };
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
