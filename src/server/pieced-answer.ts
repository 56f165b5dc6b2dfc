/**
 * A response whose text is produced and sent piece by piece: however long it is, only a limited amount waits for the
 * client in memory. A short response is sent as a whole, with its length.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

const PIECE_BYTES = 64 * 1024;

interface PiecesOptions {
  /** Bytes that may wait for the client until `room` makes the caller wait. */
  readonly maxUnreadBytes: number;
}

/**
 * Sends what `work` adds. If it throws before anything was sent, the error is the response; afterwards the connection
 * is ended, so that the client does not mistake the beginning for a complete response.
 */
export async function answerInPieces(
  reply: FastifyReply,
  options: PiecesOptions,
  work: (answer: PiecedAnswer) => Promise<void>,
): Promise<FastifyReply> {
  const answer = new PiecedAnswer(reply, options);
  try {
    await work(answer);
  } catch (error) {
    if (!answer.isBegun) throw error;
    answer.fail(error);
    return reply;
  }
  return answer.end();
}

class PiecedAnswer {
  readonly #reply: FastifyReply;
  readonly #options: PiecesOptions;
  #text = '';
  #sentBytes: number = 0;
  #stream: AnswerStream | undefined;

  constructor(reply: FastifyReply, options: PiecesOptions) {
    this.#reply = reply;
    this.#options = options;
  }

  /** Whether a piece of the response has been sent. */
  get isBegun(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether the client has disconnected and will not read the rest, also before any of it was sent. */
  get isUnwanted(): boolean {
    return this.#stream?.destroyed === true || this.#reply.request.raw.socket.destroyed;
  }

  /** Number of bytes so far; the unsent piece counts as its number of characters. */
  get bytes(): number {
    return this.#sentBytes + this.#text.length;
  }

  add(text: string): void {
    this.#text += text;
    if (this.#text.length < PIECE_BYTES) return;
    if (this.#stream === undefined) {
      this.#stream = new AnswerStream(this.#options.maxUnreadBytes);
      this.#reply.send(this.#stream);
    }
    this.#flush(this.#stream);
  }

  /**
   * Resolves when the client has read enough for more to be added, or has disconnected; undefined if it need not wait.
   */
  room(): Promise<void> | undefined {
    return this.#stream?.room();
  }

  end(): FastifyReply {
    if (this.#stream === undefined) return this.#reply.send(this.#text);
    this.#flush(this.#stream);
    this.#stream.push(null);
    return this.#reply;
  }

  fail(error: unknown): void {
    this.#reply.log.error({ err: error }, 'response interrupted');
    this.#reply.raw.destroy();
    this.#stream?.destroy();
  }

  #flush(stream: AnswerStream): void {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    this.#sentBytes += bytes.length;
    stream.give(bytes);
  }
}

class AnswerStream extends Readable {
  #proceed: () => void = () => undefined;
  #isFull = false;

  constructor(highWaterMark: number) {
    super({ highWaterMark });
  }

  give(bytes: Buffer): void {
    if (!this.destroyed && bytes.length > 0) this.#isFull = !this.push(bytes);
  }

  room(): Promise<void> | undefined {
    if (!this.#isFull || this.destroyed) return undefined;
    return new Promise((resolve) => {
      this.#proceed = resolve;
    });
  }

  override _read(): void {
    this.#isFull = false;
    this.#proceed();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#proceed();
    done(error);
  }
}
