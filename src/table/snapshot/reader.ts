import { type FileHandle, open } from 'node:fs/promises';
import xxhash, { type XXHash } from 'xxhash-wasm';
import type { ShmTableError } from '../../errors.js';
import { attemptedLater } from '../../memory/index.js';
import * as format from './format.js';

/** One block of a snapshot: complete images, with a valid checksum. */
interface SnapshotBlock {
  readonly payload: Buffer;
  readonly rows: number;
  /** Where the payload begins in the file. */
  readonly offset: number;
}

/** The contents of the end record of a snapshot. */
interface SnapshotSummary {
  readonly rows: number;
  readonly revision: number;
}

/**
 * Reads a snapshot from its beginning, and checks every length and every checksum before it passes anything on.
 * `ERR_SNAPSHOT_DAMAGED` says what is wrong and at which byte, `ERR_SEGMENT_NOT_FOUND` that there is no such file.
 */
export class SnapshotReader {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #hash: Awaited<ReturnType<typeof xxhash>>;
  #offset = 0;
  /** Checksum of all bytes read since the beginning. */
  #total: XXHash<bigint>;

  private constructor(path: string, file: FileHandle, hash: Awaited<ReturnType<typeof xxhash>>) {
    this.path = path;
    this.#file = file;
    this.#hash = hash;
    this.#total = hash.create64();
  }

  static async open(path: string): Promise<SnapshotReader> {
    const hash = await xxhash();
    const file = await attemptedLater(
      () => `open snapshot ${path}`,
      () => open(path, 'r'),
    );
    return new SnapshotReader(path, file, hash);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** The header, as `SnapshotSource.header` gave it. Must be called first; a second call starts over. */
  async header(): Promise<unknown> {
    this.#offset = 0;
    this.#total = this.#hash.create64();
    const start = await this.#read(format.PREAMBLE_BYTES, 'the preamble');
    if (Buffer.compare(start.subarray(0, 8), format.MAGIC) !== 0)
      throw this.#damaged(0, 'it is not a snapshot (magic number)');
    const version = start.readUInt32LE(8);
    if (version !== format.FORMAT_VERSION) {
      throw this.#damaged(8, `it has format version ${version}, this package reads version ${format.FORMAT_VERSION}`);
    }
    const length = start.readUInt32LE(12);
    if (length > format.MAX_HEADER_BYTES) throw this.#damaged(12, `its header would have ${length} bytes`);
    const at = this.#offset;
    const json = await this.#read(length, 'the header');
    const sum = await this.#read(8, "the header's checksum");
    if (this.#hash.h64Raw(json) !== sum.readBigUInt64LE())
      throw this.#damaged(at, 'the checksum of the header does not match');
    return JSON.parse(json.toString());
  }

  /** The blocks after the header; returns the contents of the end record, once all checksums have matched. */
  async *blocks(): AsyncGenerator<SnapshotBlock, SnapshotSummary> {
    let rows = 0;
    for (;;) {
      const at = this.#offset;
      const head = await this.#read(format.BLOCK_HEAD_BYTES, 'the head of a block, or the end');
      const kind = head.readUInt32LE(0);
      if (kind === format.END) return await this.#end(at, head, rows);
      const length = head.readUInt32LE(4);
      if (kind !== format.BLOCK || length > format.MAX_PAYLOAD_BYTES)
        throw this.#damaged(at, 'there should be a block here');
      const offset = this.#offset;
      const payload = await this.#read(length, 'a block');
      if (this.#hash.h64Raw(payload) !== head.readBigUInt64LE(16))
        throw this.#damaged(offset, 'the checksum of the block does not match');
      rows += head.readUInt32LE(8);
      yield { payload, rows: head.readUInt32LE(8), offset };
    }
  }

  async #end(at: number, head: Buffer, rows: number): Promise<SnapshotSummary> {
    const total = this.#total.digest();
    const rest = await this.#read(format.END_BYTES - format.BLOCK_HEAD_BYTES, 'the end');
    if (rest.readBigUInt64LE() !== total) throw this.#damaged(at, 'the checksum of the file does not match');
    if (head.readDoubleLE(8) !== rows)
      throw this.#damaged(at, `it says ${head.readDoubleLE(8)} rows, its blocks have ${rows}`);
    const revision = head.readDoubleLE(16);
    if (!Number.isSafeInteger(revision) || revision < 0) throw this.#damaged(at, `its highest revision is ${revision}`);
    const size = await this.#size();
    if (size !== this.#offset) throw this.#damaged(this.#offset, `${size - this.#offset} bytes follow the end`);
    return { rows, revision };
  }

  async #size(): Promise<number> {
    const { size } = await this.#attempt(() => this.#file.stat());
    return size;
  }

  #attempt<T>(run: () => Promise<T>): Promise<T> {
    return attemptedLater(() => `read snapshot ${this.path}`, run);
  }

  async #read(length: number, what: string): Promise<Buffer> {
    const size = await this.#size();
    if (this.#offset + length > size) {
      throw this.#damaged(this.#offset, `${what} needs ${length} bytes, the file ends after ${size - this.#offset}`);
    }
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const at = this.#offset + done;
      const { bytesRead } = await this.#attempt(() => this.#file.read(bytes, done, length - done, at));
      if (bytesRead === 0) throw this.#damaged(this.#offset + done, `${what} ends early`);
      done += bytesRead;
    }
    this.#offset += length;
    this.#total.update(bytes);
    return bytes;
  }

  #damaged(offset: number, what: string): ShmTableError {
    return format.damaged(this.path, offset, what);
  }
}
