/** Reads a configuration file. */
import { existsSync } from 'node:fs';
import { checkSettings } from './check-settings.js';
import { SETTINGS_FILE } from './defaults.js';
import { readJsonFile } from './read-file.js';
import type { GivenSettings } from './settings-schema.js';

/** The settings of the file named, or of `shmtable.config.json` here if there is one. ERR_ARGUMENT. */
export function readSettingsFile(path: string | undefined): GivenSettings {
  if (path === undefined && !existsSync(SETTINGS_FILE)) return {};
  const file = path ?? SETTINGS_FILE;
  return checkSettings(file, readJsonFile('configuration file', file));
}
