import { readFileSync, readlinkSync } from 'node:fs';
import type { Platform, Services } from './platform.js';
import { attemptedInProc } from './system-error.js';

/** The platform of an addon: Linux, where processes share memory. */
export function linuxPlatform(addon: Services): Platform {
  return { ...addon, isShared: true, callNative: addon.monotonicMs, bootId, pidNamespace };
}

/**
 * The kernel's random id of this boot.
 *
 * @throws {ShmTableError} ERR_BACKEND_UNSUPPORTED when /proc does not provide it
 */
function bootId(): string {
  const path = '/proc/sys/kernel/random/boot_id';
  return attemptedInProc(
    () => `read ${path}`,
    () => readFileSync(path, 'utf8'),
  ).trim();
}

function pidNamespace(): number {
  try {
    return Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0) | 0;
  } catch {
    return 0;
  }
}
