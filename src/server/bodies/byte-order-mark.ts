/** Some programs begin every text with a byte order mark; RFC 8259 allows readers of JSON to ignore it. */
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** The mark of one body, which arrives in pieces of any size. */
export class ByteOrderMark {
  /** Number of bytes of the mark at the beginning of the body. */
  #matched: number = 0;
  #isDecided = false;

  /** The next piece of the body, without what belongs to the mark. */
  without(piece: Buffer): Buffer {
    if (this.#isDecided) return piece;
    const before = this.#matched;
    let at = 0;
    while (at < piece.length && this.#matched < MARK.length && piece[at] === MARK[this.#matched]) {
      this.#matched++;
      at++;
    }
    if (this.#matched === MARK.length) this.#isDecided = true;
    else if (at < piece.length) {
      this.#isDecided = true;
      return before === 0 ? piece : Buffer.concat([MARK.subarray(0, before), piece]);
    }
    return piece.subarray(at);
  }
}
