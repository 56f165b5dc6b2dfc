/** Reads a configuration file. */
import { existsSync } from 'node:fs';
import { checkSettings } from './check-settings.js';
import { readJsonFile } from './named-file.js';
import type { GivenSettings } from './settings-schema.js';

export const DEFAULT_SETTINGS_FILE = 'shmtable.config.json';

/** The settings of the file named, or of `shmtable.config.json` here if there is one. ERR_ARGUMENT. */
export function readSettingsFile(path: string | undefined): GivenSettings {
  if (path === undefined && !existsSync(DEFAULT_SETTINGS_FILE)) return {};
  const file = path ?? DEFAULT_SETTINGS_FILE;
  return checkSettings(file, readJsonFile('configuration file', file));
}
