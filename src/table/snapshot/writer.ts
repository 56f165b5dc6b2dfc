import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import xxhash from 'xxhash-wasm';
import { attemptedLater, monotonicMs, turn } from '../../memory/index.js';
import * as format from './format.js';

/** The source of a snapshot. */
export interface SnapshotSource {
  /** The description of the table in the header: enough to create one like it. */
  readonly header: object;
  /** Images of the rows, bucket after bucket or row after row, with the highest revision among them. */
  chains(): Iterable<{ readonly images: readonly Buffer[]; readonly revision: number }>;
}

/** Longest time of packing rows before other work of this thread gets its turn, in milliseconds. */
const TURN_MS = 5;

/**
 * Writes a snapshot so that `path` names either the previous file or a complete new snapshot: to a temporary file in
 * the same directory, which is synced and renamed, and then the directory is synced. If anything fails, what was
 * written is removed. `ERR_PERMISSION`, `ERR_SEGMENT_NO_SPACE`; `ERR_SEGMENT_NOT_FOUND` for a path whose folder does
 * not exist.
 */
export async function writeSnapshot(path: string, source: SnapshotSource): Promise<void> {
  await attemptedLater(
    () => `write snapshot ${path}`,
    () => writeFile(path, source),
  );
}

async function writeFile(path: string, source: SnapshotSource): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await writeContent(file, source);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    // A failed removal must not hide the original error.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeContent(file: FileHandle, source: SnapshotSource): Promise<void> {
  const { h64Raw, create64 } = await xxhash();
  const total = create64();
  // `write` may succeed after writing only a part, when the disk becomes full.
  const put = async (bytes: Buffer): Promise<void> => {
    total.update(bytes);
    await file.appendFile(bytes);
  };
  await put(preamble(source.header, h64Raw));
  let rows = 0;
  let highest = 0;
  let began = monotonicMs();
  let images: Buffer[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (images.length === 0) return;
    const payload = Buffer.concat(images, bytes);
    await put(blockHead(payload, images.length, h64Raw(payload)));
    await put(payload);
    rows += images.length;
    images = [];
    bytes = 0;
  };
  for (const { images: chain, revision } of source.chains()) {
    if (revision > highest) highest = revision;
    for (const image of chain) {
      // Only the last row of a block, which may be long, can make it exceed BLOCK_BYTES.
      images.push(image);
      bytes += image.length;
      if (bytes >= format.BLOCK_BYTES) await flush();
    }
    if (monotonicMs() - began > TURN_MS) {
      await turn();
      began = monotonicMs();
    }
  }
  await flush();
  await put(endOf(rows, highest));
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(total.digest());
  await put(sum);
}

function preamble(header: object, hash: (bytes: Uint8Array) => bigint): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const start = Buffer.alloc(format.PREAMBLE_BYTES);
  format.MAGIC.copy(start);
  start.writeUInt32LE(format.FORMAT_VERSION, 8);
  start.writeUInt32LE(json.length, 12);
  const sum = Buffer.alloc(8);
  sum.writeBigUInt64LE(hash(json));
  return Buffer.concat([start, json, sum]);
}

function blockHead(payload: Buffer, rows: number, hash: bigint): Buffer {
  const head = Buffer.alloc(format.BLOCK_HEAD_BYTES);
  head.writeUInt32LE(format.BLOCK, 0);
  head.writeUInt32LE(payload.length, 4);
  head.writeUInt32LE(rows, 8);
  head.writeBigUInt64LE(hash, 16);
  return head;
}

function endOf(rows: number, revision: number): Buffer {
  const end = Buffer.alloc(format.END_BYTES - 8);
  end.writeUInt32LE(format.END, 0);
  end.writeDoubleLE(rows, 8);
  end.writeDoubleLE(revision, 16);
  return end;
}

/** Windows has no way to do this; there a crash of the machine may bring back the previous snapshot. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
