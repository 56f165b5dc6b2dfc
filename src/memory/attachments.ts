import { readdirSync, readFileSync, type Stats } from 'node:fs';
import type { BackendName, SegmentInfo } from './backend.js';
import { attemptedInProc } from './system-error.js';

/** An object that a backend has found. */
export interface FoundObject {
  readonly name: string;
  readonly status: Stats;
  readonly bytes: number;
  readonly location: string;
}

/** How `/proc/PID/maps` names a mapped object: device and inode. */
export function identityOf(status: Stats): string {
  const major = Math.floor(status.dev / 0x100) & 0xfff;
  const minor = (status.dev & 0xff) | (Math.floor(status.dev / 0x1000) & 0xfff00);
  return `${major.toString(16)}:${minor.toString(16)}:${status.ino}`;
}

/** `start-end perms offset major:minor inode path`, for mappings of anything that has an inode. */
const MAPPING = /^\S+ (\S+) (\S+) 0*([0-9a-f]+):0*([0-9a-f]+) ([1-9]\d*) +(.*)$/gm;

/** One line of a process's memory map. */
interface MappedObject {
  readonly identity: string;
  readonly isShared: boolean;
  readonly offset: number;
  /** The path as the mapping process sees it, followed by ` (deleted)` if removed. */
  readonly path: string;
}

/** The ids of all processes that this one can see. */
export function processes(): string[] {
  return attemptedInProc(
    () => 'list /proc',
    () => readdirSync('/proc'),
  ).filter((name) => /^\d+$/.test(name));
}

/**
 * Yields the mappings of each process whose `/proc/PID/maps` this user may read. Reads that file of every process,
 * which takes a few milliseconds.
 */
function* mappedObjects(): Generator<MappedObject[]> {
  for (const pid of processes()) {
    let maps: string;
    try {
      maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    } catch {
      // Another user's process, or one that has just ended.
      continue;
    }
    yield Array.from(maps.matchAll(MAPPING), ([, rights, offset, major, minor, inode, path]) => ({
      identity: `${major}:${minor}:${inode}`,
      isShared: rights.endsWith('s'),
      offset: Number.parseInt(offset, 16),
      path,
    }));
  }
}

/** How many processes map each object. */
function countProcesses(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const mapped of mappedObjects()) {
    for (const identity of new Set(mapped.map((object) => object.identity))) {
      counts.set(identity, (counts.get(identity) ?? 0) + 1);
    }
  }
  return counts;
}

/** The distinct paths of files that processes have mapped shared from this offset: for each process, those not yielded before. */
export function* sharedFiles(offset: number): Generator<string[]> {
  const known = new Set<string>();
  for (const mapped of mappedObjects()) {
    const paths: string[] = [];
    for (const { identity, isShared, offset: from, path } of mapped) {
      if (!isShared || from !== offset || path.endsWith(' (deleted)') || known.has(identity)) continue;
      known.add(identity);
      paths.push(path.replaceAll('\\012', '\n'));
    }
    yield paths;
  }
}

/** User names by id, from /etc/passwd. */
export function userNames(): Map<number, string> {
  const names = new Map<number, string>();
  let text = '';
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    // A container may lack it; owners are then shown by number.
  }
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':');
    if (name && uid) names.set(Number(uid), name);
  }
  return names;
}

/** The name of a user, or the user id as a string if it has no name. */
export function userName(uid: number): string {
  return userNames().get(uid) ?? String(uid);
}

/** Builds the entries of a listing from the objects that a backend has found. */
export function describeObjects(backend: BackendName, objects: readonly FoundObject[]): SegmentInfo[] {
  if (objects.length === 0) return [];
  const counts = countProcesses();
  const names = userNames();
  return objects.map(({ name, status, bytes, location }) => ({
    name,
    backend,
    owner: names.get(status.uid) ?? String(status.uid),
    mode: status.mode & 0o777,
    bytes,
    attached: counts.get(identityOf(status)) ?? 0,
    location,
  }));
}
