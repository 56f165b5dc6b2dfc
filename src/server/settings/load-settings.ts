/** Settings from file, environment and flags; the later wins. */
import { ShmTableError } from '../../errors.js';
import { isLoopback } from '../access/host-guard.js';
import { checkSettings } from './check-settings.js';
import { readEnvironment } from './settings-environment.js';
import { readSettingsFile } from './settings-file.js';
import { type GivenSettings, type ServiceSettings, withDefaults } from './settings-schema.js';
import { tokensInForce } from './tokens-in-force.js';

export interface LoadedSettings {
  readonly settings: ServiceSettings;
  readonly warnings: readonly string[];
}

/** ERR_ARGUMENT names what is unknown or wrong, with its path. */
export function loadSettings(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
  flags: GivenSettings,
): LoadedSettings {
  const fromFile = readSettingsFile(file);
  const fromEnvironment = readEnvironment(environment);
  const fromFlags = checkSettings('flags', flags);
  const snapshots = { ...fromFile.snapshots, ...fromEnvironment.settings.snapshots, ...fromFlags.snapshots };
  const [first] = Object.keys(snapshots);
  if (first !== undefined && snapshots.dir === undefined) {
    throw new ShmTableError('ERR_ARGUMENT', `snapshots.${first} is set, but no snapshots.dir to write them to`);
  }
  const settings = withDefaults({
    ...fromFile,
    ...fromEnvironment.settings,
    ...fromFlags,
    tables: { ...fromFile.tables, ...fromEnvironment.settings.tables, ...fromFlags.tables },
    snapshots,
    limits: { ...fromFile.limits, ...fromEnvironment.settings.limits, ...fromFlags.limits },
  });
  if (settings.tokens !== undefined && settings.tokensFile !== undefined) {
    throw new ShmTableError('ERR_ARGUMENT', 'tokens and tokensFile are both set; the service takes one of them');
  }
  const open = tokensInForce(settings) === undefined;
  if (open && settings.socket === undefined && !isLoopback(settings.host)) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      `host ${settings.host} is reachable from elsewhere; without tokens the service listens on 127.0.0.1, ::1, localhost or a socket only`,
    );
  }
  return { settings, warnings: fromEnvironment.warnings };
}
