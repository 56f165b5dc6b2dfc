import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Memory still available on the machine and in the process's control group. If /proc does not tell (a sandbox may hide
 * everything but the processes), there is no known limit, and the reservation itself may fail.
 */

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Memory available on the system in bytes: free and reclaimable pages, and swap. */
function machineMemory(): number {
  const text = textOf('/proc/meminfo');
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const kibibytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return (kibibytes('MemAvailable') + kibibytes('SwapFree')) * 1024;
}

/** Reads a number from a file of a control group; undefined when there is no such file or no limit. */
function numberIn(path: string): number | undefined {
  const text = textOf(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The page cache of a group, which the kernel would reclaim first. */
function reclaimable(path: string): number {
  return Number(/^(?:total_)?inactive_file (\d+)$/m.exec(textOf(path) ?? '')?.[1] ?? 0);
}

/** The names of the files for limit and usage in the two versions of control groups. */
const GROUP_FILES = [
  ['memory.max', 'memory.current'],
  ['memory.limit_in_bytes', 'memory.usage_in_bytes'],
] as const;

function roomIn(folder: string): number {
  const rooms = GROUP_FILES.map(([limitFile, usedFile]) => {
    const limit = numberIn(join(folder, limitFile));
    const used = numberIn(join(folder, usedFile));
    return limit === undefined || used === undefined ? Number.POSITIVE_INFINITY : limit - used;
  });
  return Math.max(0, Math.min(...rooms) + reclaimable(join(folder, 'memory.stat')));
}

/**
 * Memory left in the process's control group and its ancestors, Infinity without a limit: the memory that a container
 * may still use. Groups that are not visible inside a container are left out; it sees its own group as the root.
 */
function groupMemory(): number {
  let room = Number.POSITIVE_INFINITY;
  for (const line of textOf('/proc/self/cgroup')?.trim().split('\n') ?? []) {
    const [, controllers = 'none', group = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    // Version 2 has one line, which names no controller.
    if (controllers !== '' && !controllers.split(',').includes('memory')) continue;
    const root = controllers === '' ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory';
    for (let folder = group; ; folder = dirname(folder)) {
      room = Math.min(room, roomIn(join(root, folder)));
      if (folder === '/' || folder === '.') break;
    }
  }
  return room;
}

/** Available memory and what limits it, for messages. */
interface AvailableMemory {
  readonly bytes: number;
  readonly place: string;
}

/** The smaller of the memory available on the system and in the control group. */
export function availableMemory(): AvailableMemory {
  const machine = machineMemory();
  const group = groupMemory();
  return group < machine
    ? { bytes: group, place: "the process's memory control group" }
    : { bytes: machine, place: 'the machine' };
}
