import { linuxPlatform } from './linux-platform.js';
import { addon } from './native.js';
import type { Platform } from './platform.js';
import { processPlatform } from './process-platform.js';

/** The platform that this process runs on: without the addon, memory belongs to the one process. */
export const platform: Platform = addon === undefined ? processPlatform() : linuxPlatform(addon);
