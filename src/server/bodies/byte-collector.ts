/**
 * Bytes that arrive in pieces of any size. Small pieces are copied together: a client can send one byte in each, and
 * kept as it is, a piece takes a few hundred bytes of memory.
 */

/** A piece of this size is kept as it is. */
const LARGE_BYTES = 1024;
const MAX_BLOCK_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class ByteCollector {
  #pieces: Buffer[] = [];
  #length = 0;
  /** The block to which small pieces are copied; from `#begin` to `#end` it has those that are not in `#pieces` yet. */
  #block: Buffer = NOTHING;
  #begin = 0;
  #end = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    const { length } = piece;
    this.#length += length;
    // Most often there is only one piece.
    if (this.#pieces.length === 0 || length >= LARGE_BYTES) {
      this.#keepCopied();
      this.#pieces.push(piece);
      return;
    }
    if (this.#end + length > this.#block.length) {
      this.#keepCopied();
      this.#block = Buffer.allocUnsafe(Math.min(Math.max(this.#length, LARGE_BYTES), MAX_BLOCK_BYTES));
      this.#begin = 0;
      this.#end = 0;
    }
    piece.copy(this.#block, this.#end);
    this.#end += length;
  }

  /** All bytes, which are then forgotten. */
  take(): Buffer {
    this.#keepCopied();
    const pieces = this.#pieces;
    this.clear();
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  clear(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#block = NOTHING;
    this.#begin = 0;
    this.#end = 0;
  }

  #keepCopied(): void {
    if (this.#end > this.#begin) this.#pieces.push(this.#block.subarray(this.#begin, this.#end));
    this.#begin = this.#end;
  }
}
