/** Reads a configuration file. */
import { existsSync } from 'node:fs';
import { checkSettings } from './check-settings.js';
import { SETTINGS_FILE } from './defaults.js';
import { readJsonFile } from './read-file.js';
import type { GivenSettings } from './settings-schema.js';

/**
 * Returns the settings in the given file, or in `shmtable.config.json` of the current directory if it exists.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when the file cannot be read or has an unknown or invalid setting
 */
export function readSettingsFile(path: string | undefined): GivenSettings {
  if (path === undefined && !existsSync(SETTINGS_FILE)) return {};
  const file = path ?? SETTINGS_FILE;
  return checkSettings(file, readJsonFile('configuration file', file));
}
