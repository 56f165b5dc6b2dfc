import { readdirSync, readFileSync, type Stats } from 'node:fs';
import type { BackendName, SegmentInfo } from './backend.js';

/** How `/proc/PID/maps` names a mapped object: device and inode. */
function identityOf(status: Stats): string {
  const major = Math.floor(status.dev / 0x100) & 0xfff;
  const minor = (status.dev & 0xff) | (Math.floor(status.dev / 0x1000) & 0xfff00);
  return `${major.toString(16)}:${minor.toString(16)}:${status.ino}`;
}

/** `start-end perms offset major:minor inode path`, for mappings of anything that has an inode. */
const MAPPING = /^\S+ \S+ \S+ 0*([0-9a-f]+):0*([0-9a-f]+) ([1-9]\d*) /gm;

/**
 * How many processes map each object, of those whose `/proc/PID/maps` this user may read. Reads that file of every
 * process once: some milliseconds.
 */
function countProcesses(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    let maps: string;
    try {
      maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
    } catch {
      // Another user's process, or one that has just ended.
      continue;
    }
    const mapped = new Set<string>();
    for (const [, major, minor, inode] of maps.matchAll(MAPPING)) mapped.add(`${major}:${minor}:${inode}`);
    for (const identity of mapped) counts.set(identity, (counts.get(identity) ?? 0) + 1);
  }
  return counts;
}

/** User names by id, as the system's own file has them. */
function userNames(): Map<number, string> {
  const names = new Map<number, string>();
  let text = '';
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    // A container without it: owners are shown by number.
  }
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid) names.set(Number(uid), name);
  }
  return names;
}

/** The lines of a listing from the objects that a backend found. */
export function describeObjects(
  backend: BackendName,
  objects: readonly { readonly name: string; readonly status: Stats }[],
): SegmentInfo[] {
  if (objects.length === 0) return [];
  const counts = countProcesses();
  const names = userNames();
  return objects.map(({ name, status }) => ({
    name,
    backend,
    owner: names.get(status.uid) ?? String(status.uid),
    mode: status.mode & 0o777,
    bytes: status.size,
    attached: counts.get(identityOf(status)) ?? 0,
  }));
}
