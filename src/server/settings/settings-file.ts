/** Reads a configuration file. */
import { existsSync, readFileSync } from 'node:fs';
import { ShmTableError } from '../../errors.js';
import { checkSettings } from './check-settings.js';
import type { GivenSettings } from './settings-schema.js';

export const DEFAULT_SETTINGS_FILE = 'shmtable.config.json';

/** The settings of the file named, or of `shmtable.config.json` here if there is one. ERR_ARGUMENT. */
export function readSettingsFile(path: string | undefined): GivenSettings {
  if (path === undefined && !existsSync(DEFAULT_SETTINGS_FILE)) return {};
  const file = path ?? DEFAULT_SETTINGS_FILE;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `configuration file ${file}: ${messageOf(error)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ShmTableError('ERR_ARGUMENT', `configuration file ${file} is not JSON: ${messageOf(error)}`);
  }
  return checkSettings(file, value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
