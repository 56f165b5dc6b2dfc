import { readSync, writeSync } from 'node:fs';
import { isSegmentName } from './segment-options.js';

/*
 * A file segment:
 *
 *   +----------------------------------------+------------------+
 *   | head, HEAD_BYTES                       | the segment      |
 *   | magic 8 B | name length u32 | name     | size bytes       |
 *   +----------------------------------------+------------------+
 *
 * A path can be arbitrary, so the file itself states that it is a segment and its name. The head is written before the
 * file has its name and never changes. It is as long as the largest page size of Linux, so that the segment always
 * begins at a page boundary.
 */
export const HEAD_BYTES = 65_536;

const MAGIC = Buffer.from('SHMFILE1', 'latin1');
const NAME_LENGTH = 8;
const NAME = 12;
/** A segment's name is ASCII, at most 200 characters. */
const READ_BYTES = NAME + 200;

/** Writes the head of a new file whose bytes are reserved, completely or not at all. */
export function writeHead(descriptor: number, name: string): void {
  const head = Buffer.alloc(READ_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(name.length, NAME_LENGTH);
  head.write(name, NAME, 'latin1');
  writeSync(descriptor, head, 0, head.length, 0);
}

/** Returns the name of the segment in the file, or undefined when the file is not a segment. */
export function readHead(descriptor: number): string | undefined {
  const head = Buffer.alloc(READ_BYTES);
  if (readSync(descriptor, head, 0, head.length, 0) < head.length || !head.subarray(0, NAME_LENGTH).equals(MAGIC)) {
    return undefined;
  }
  const name = head.toString('latin1', NAME, NAME + head.readUInt32LE(NAME_LENGTH));
  return isSegmentName(name) ? name : undefined;
}
