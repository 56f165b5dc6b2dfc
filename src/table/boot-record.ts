import { ShmTableError } from '../errors.js';
import { type ByteLocks, bootId, bootTimeMs, monotonicMs, Segment, sleep, wallOffsetMs } from '../memory/index.js';
import { TableClock } from './expiry/table-clock.js';
import { BOOT_ID, CLOCK_OFFSET, CLOCK_SEEN, IN_USE, WALL_AHEAD } from './layout/segment.js';
import { TableMemory } from './layout/table-memory.js';
import { Participant } from './participant.js';
import { TableCode } from './table-code.js';
import { createContext } from './table-context.js';
import { verifyTable } from './verify.js';

/*
 * What a table in a file records about the boots of its machine. Only such a table outlives a boot.
 *
 * - BOOT_ID is the boot from which the CLOCK_BOOTTIME of the header's clock offset counts. The first process to open
 *   the table in a new boot finds that the participants of the old one are gone, with all their byte locks. It settles
 *   what they left, and computes a new clock offset from the wall clock and the difference that the two had before, so
 *   that table time continues and never goes back. It writes the new boot's id last.
 * - IN_USE is 1 from before the first participant's first store until after the last participant's last store is on
 *   disk. So a new boot that finds 1 comes after a crash of the machine, or after processes that ended without closing:
 *   what is on disk may be from different moments, and the table is verified before any process can use it. An
 *   inconsistent table keeps its old boot id, and is refused each time.
 *
 * Both change only under BOOT_BYTE. Within one boot none of this is needed: what processes wrote before they were
 * killed is in the page cache, and the participants' own recovery applies.
 */

/** After the bytes of the participants and of the sweeper. */
const BOOT_BYTE = 0x10001;
/** Longest wait for another process that verifies the table, which reads all of it, in milliseconds. */
const VERIFY_TIMEOUT_MS = 60_000;
/** Longest wait of a participant that detaches, in milliseconds. */
const LEAVE_TIMEOUT_MS = 1_000;
const NAP_MS = 2;

/** The boot's id as stored in the header: 16 bytes. */
export function bootIdBytes(): Buffer {
  return Buffer.from(bootId().replaceAll('-', ''), 'hex');
}

function isOfThisBoot(memory: TableMemory): boolean {
  return memory.bytes.subarray(BOOT_ID * 4, BOOT_ID * 4 + 16).equals(bootIdBytes());
}

function lockBoot(locks: ByteLocks, timeoutMs: number): boolean {
  const deadline = monotonicMs() + timeoutMs;
  while (!locks.tryLock(BOOT_BYTE)) {
    if (monotonicMs() > deadline) return false;
    sleep(NAP_MS);
  }
  return true;
}

function assertBootLocked(locks: ByteLocks, name: string): void {
  if (lockBoot(locks, VERIFY_TIMEOUT_MS)) return;
  throw new ShmTableError(
    'ERR_LOCK_TIMEOUT',
    `another process has been opening table ${name} for more than ${VERIFY_TIMEOUT_MS} ms`,
  );
}

/**
 * Prepares a table's file for this boot of the machine. Cheap when that is done already; after a crash O(segment).
 * `ERR_TABLE_CORRUPT` when the table is inconsistent; `ERR_PERMISSION` when the first to open it may not write.
 */
export function enterBoot(segment: Segment, memory: TableMemory, name: string, path: string | undefined): void {
  if (isOfThisBoot(memory)) return;
  if (segment.readOnly) {
    enterBootWritable(segment, memory, name, path);
    return;
  }
  const locks = segment.openByteLocks();
  try {
    assertBootLocked(locks, name);
    if (!isOfThisBoot(memory)) beginBoot(segment, memory, locks, name);
  } finally {
    locks.close();
  }
}

function enterBootWritable(segment: Segment, memory: TableMemory, name: string, path: string | undefined): void {
  const writable = Segment.open({ backend: segment.backend, name: segment.name, path });
  try {
    enterBoot(writable, TableMemory.open(writable.buffer, memory.layout), name, path);
  } finally {
    writable.close();
  }
}

/** Requires BOOT_BYTE, which it releases. */
function beginBoot(segment: Segment, memory: TableMemory, locks: ByteLocks, name: string): void {
  const participant = Participant.attach(new TableCode(createContext(name, memory)), locks);
  participant.settleDead();
  if (memory.words[IN_USE] !== 0) refuseInconsistent(memory, name);
  const now = bootTimeMs();
  const byWall = now + wallOffsetMs() - memory.doubles[WALL_AHEAD / 2];
  memory.doubles[CLOCK_OFFSET / 2] = Math.max(byWall, memory.doubles[CLOCK_SEEN / 2]) - now;
  segment.sync();
  memory.bytes.set(bootIdBytes(), BOOT_ID * 4);
  segment.sync();
  participant.detach();
}

function refuseInconsistent(memory: TableMemory, name: string): void {
  const { ok, problems } = verifyTable(memory);
  if (ok) return;
  throw new ShmTableError(
    'ERR_TABLE_CORRUPT',
    `the file of table ${name} was in use when the machine stopped and does not hold together: ` +
      `${problems[0]} (${problems.length} problems); restore it from a snapshot`,
  );
}

/** Attaches a participant to a table in a file, which is marked as in use before that. `ERR_LOCK_TIMEOUT`. */
export function attachToFile(segment: Segment, code: TableCode, locks: ByteLocks): Participant {
  const { memory, name } = code.context;
  assertBootLocked(locks, name);
  try {
    if (memory.words[IN_USE] === 0) {
      memory.words[IN_USE] = 1;
      segment.sync();
    }
    return Participant.attach(code, locks);
  } finally {
    locks.unlock(BOOT_BYTE);
  }
}

/**
 * Detaches a participant from a table in a file. The last one settles what dead participants left, and marks the file
 * as clean once everything is on disk. If another process is attaching at this moment, nothing is marked.
 */
export function detachFromFile(
  segment: Segment,
  memory: TableMemory,
  locks: ByteLocks,
  participant: Participant,
): void {
  try {
    if (lockBoot(locks, LEAVE_TIMEOUT_MS) && isAlone(memory, locks)) {
      participant.settleDead();
      new TableClock(memory).noteTime();
      segment.sync();
      memory.words[IN_USE] = 0;
      segment.sync();
    }
  } finally {
    // This also closes the locks.
    participant.detach();
  }
}

/** Whether nobody else is attached; a process does not see its own locks. */
function isAlone(memory: TableMemory, locks: ByteLocks): boolean {
  const { maxParticipants } = memory.layout.schema;
  for (let number = 0; number < maxParticipants; number++) if (locks.isLocked(number)) return false;
  return true;
}
