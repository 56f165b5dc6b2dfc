/**
 * The feed segment: what the feed of a host knows about the primaries of one cluster, for all processes of the host that
 * have a near cache of it in one namespace.
 *
 *   | header | tables: 128 x 80 B | grants: 1024 x 64 B | slotGrant: 16,384 x i32 |
 *
 *   header   0  magic      u32
 *            4  version    u32
 *            8  state      u32  0, or DESTROYED
 *           12  lastGrant  i32  the number that was given last; never reset
 *           16  moved      u32  advanced by whoever learns that a slot has moved: the feed asks for the topology
 *           20  heartbeat  u32  interval of the heartbeats in ms: the shortest that a process wants
 *           24  takeovers  u32  how often a feed has begun
 *           32  counts     f64 each: invalidations, revoked grants, round trip of the last heartbeat in ms
 *           56  problem    u32  why changes do not arrive from some primary: an index into PROBLEMS
 *           60  nearTables u32  advanced by whoever opens or creates a near table, before using it: others may have lost it
 *
 *   table    0  state      u32  0 free, 1 being written, 2 complete; never freed
 *            4  length     u32
 *            8  name       64 B, ASCII
 *
 *   grant    0  number     i32  0 none
 *            8  proven     f64  CLOCK_BOOTTIME in ms: everything that the primary executed before has been applied
 *           16  address    2 x i32  hash of `host:port`
 *           24  covered    4 x u32  bit per table: invalidations of its rows are known to arrive
 *
 *   slotGrant   i32  number of the grant of the slot's owner; 0 none
 *
 * Invariants
 * - A grant is the life of one connection of the feed to one primary. Its number is never given again; it is in the place
 *   of its number modulo 1,024.
 * - Only the thread that holds the byte lock FEED_BYTE writes grants and slotGrant, except that anybody may void a grant
 *   by storing 0 as its number. When a thread gets the lock it first voids all grants and clears slotGrant.
 * - Address and coverage of a grant are written before its number.
 * - `proven` is the time at which a heartbeat was sent after whose answer another heartbeat was answered. A server may
 *   queue an invalidation behind the answer to the heartbeat of the same turn of its event loop, but not behind that of
 *   the next turn.
 * - The feed stores `proven` after a fence, which comes after the removal of all rows that it proves to be old. A reader
 *   finds a row, loads `proven`, and compares the version of the row's bucket only after that: if it has seen the new
 *   time, it also sees that the row was removed.
 */
export const FEED_MAGIC = 0x44454546;
export const FEED_VERSION = 1;
export const DESTROYED = 1;
/** The byte whose holder is the feed, and the byte of the one that waits to become it. */
export const FEED_BYTE = 1;
export const STANDBY_BYTE = 2;

/** Word offsets in the header. */
export const MAGIC = 0;
export const VERSION = 1;
export const STATE = 2;
export const LAST_GRANT = 3;
export const MOVED = 4;
export const HEARTBEAT = 5;
export const TAKEOVERS = 6;
export const PROBLEM = 14;
export const NEAR_TABLES = 15;

export const NO_PROBLEM = 0;
export const UNREACHABLE = 1;
export const REFUSED = 2;
export const SILENT = 3;
export const DOWN = 4;
export const PROBLEMS = [
  null,
  'a server cannot be reached',
  'a server refuses what the feed needs: a right is missing, or the password is wrong',
  'a server accepts CLIENT TRACKING and announces no change, as some proxies and other engines do',
  'a server says that the cluster is down, or is loading its rows',
] as const;

/** In units of 8 bytes. */
export const INVALIDATIONS = 4;
export const REVOCATIONS = 5;
export const ROUND_TRIP = 6;

const HEADER_BYTES = 128;

export const TABLES = 128;
const TABLE_BYTES = 80;
export const TABLE_FREE = 0;
export const TABLE_CLAIMED = 1;
export const TABLE_COMPLETE = 2;
/** Byte offset of the name in a table. */
export const TABLE_NAME = 8;

export const GRANTS = 1024;
const GRANT_BYTES = 64;
/** Word offsets in a grant; `PROVEN` in units of 8 bytes. */
export const PROVEN = 1;
export const ADDRESS = 4;
export const COVERED = 6;
export const COVERED_WORDS = TABLES / 32;

const GRANTS_AT = HEADER_BYTES + TABLES * TABLE_BYTES;
const SLOT_COUNT = 16_384;
/** First word of slotGrant. */
export const SLOTS_WORD = (GRANTS_AT + GRANTS * GRANT_BYTES) / 4;
export const FEED_BYTES = SLOTS_WORD * 4 + SLOT_COUNT * 4;

export function tableWord(index: number): number {
  return (HEADER_BYTES + index * TABLE_BYTES) / 4;
}

/** First word of the place of a grant. */
export function grantWord(number: number): number {
  return (GRANTS_AT + (number & (GRANTS - 1)) * GRANT_BYTES) / 4;
}
