/** Loads settings from file, environment and flags; the later source takes precedence. */
import { checkSettings } from './check-settings.js';
import { checkCombination } from './settings-combination.js';
import { readEnvironment } from './settings-environment.js';
import { readSettingsFile } from './settings-file.js';
import { type GivenSettings, type ServiceSettings, withDefaults } from './settings-schema.js';

interface LoadedSettings {
  readonly settings: ServiceSettings;
  readonly warnings: readonly string[];
}

/** @throws {ShmTableError} ERR_ARGUMENT when a setting is unknown or invalid; names its path */
export function loadSettings(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
  flags: GivenSettings,
): LoadedSettings {
  const first = readSettingsFile(file);
  const { settings: second, warnings } = readEnvironment(environment);
  const third = checkSettings('flags', flags);
  const given: GivenSettings = {
    ...first,
    ...second,
    ...third,
    tables: { ...first.tables, ...second.tables, ...third.tables },
    tls: { ...first.tls, ...second.tls, ...third.tls },
    rateLimit: { ...first.rateLimit, ...second.rateLimit, ...third.rateLimit },
    snapshots: { ...first.snapshots, ...second.snapshots, ...third.snapshots },
    limits: { ...first.limits, ...second.limits, ...third.limits },
  };
  checkCombination(given);
  return { settings: withDefaults(given), warnings };
}
