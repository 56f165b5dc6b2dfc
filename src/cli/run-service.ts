/** Runs the service for `shmtable serve`. */
import { runPrimary } from '../server/primary.js';
import { createLog } from '../server/service-log.js';
import { loadSettings } from '../server/settings/load-settings.js';
import { integerOf } from '../server/settings/settings-environment.js';
import type { GivenSettings } from '../server/settings/settings-schema.js';
import { parseTableFlags } from '../server/settings/table-flag.js';

export interface ServeFlags {
  readonly config?: string;
  readonly host?: string;
  readonly port?: string;
  readonly workers?: string;
  readonly table: readonly string[];
  readonly alter?: boolean;
}

/** Serves until SIGTERM, with settings from file, environment and flags. */
export async function runService(flags: ServeFlags): Promise<void> {
  const load = () => loadSettings(flags.config, process.env, settingsOf(flags));
  const { settings, warnings } = load();
  const log = createLog(settings.logLevel);
  for (const warning of warnings) log.warn(warning);
  await runPrimary(settings, log, () => load().settings);
}

function settingsOf({ host, port, workers, table, alter }: ServeFlags): GivenSettings {
  return {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: integerOf('--port', port) }),
    ...(workers === undefined ? {} : { workers: integerOf('--workers', workers) }),
    tables: parseTableFlags(table),
    ...(alter ? { onMismatch: 'alter' } : {}),
  };
}
