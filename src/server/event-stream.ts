/**
 * Streams Server-Sent Events to clients. A slow client delays only itself: at most a socket's buffer waits for it, and
 * its source is asked for no more events until that has been read.
 *
 * A stream ends together with its connection (`Connection: close`): a client that reconnected over the same connection
 * would reach the same worker, which ends streams because it is draining.
 */

import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';

/** Number of heartbeats during which a client may read nothing before its connection is closed. */
const MAX_UNREAD_HEARTBEATS = 4;
/** Time limit for a client to read the end of a stream that the service ends. */
const LAST_WORDS_MS = 1000;

/** What a stream sends: the texts of events, each ended by an empty line. Ended by `return`. */
export interface EventSource extends AsyncIterableIterator<string> {
  /** Lines that follow a comment, to keep an id up to date; without events they are sent all the same. */
  afterComment?(): string;
}

/** Of all apps of this process. */
let streamsOpen = 0;

/** Number of streams that this process is sending. */
export function openStreams(): number {
  return streamsOpen;
}

/** The streams of one app. */
export class EventStreams {
  readonly #heartbeatMs: number;
  readonly #open = new Set<EventStream>();
  #closing = false;

  /** @param heartbeatMs interval between the comments that keep the connection alive, in milliseconds */
  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
  }

  /** Answers a request with a stream; a HEAD request only with its headers. Resolves when the response is closed. */
  async answer(reply: FastifyReply, source: EventSource): Promise<void> {
    const { raw, request } = reply
      .type('text/event-stream')
      .header('Cache-Control', 'no-store')
      .header('X-Accel-Buffering', 'no')
      .header('Connection', 'close')
      .hijack();
    raw.writeHead(200, reply.getHeaders() as Record<string, string>);
    if (request.method === 'HEAD') {
      await source.return?.();
      raw.end();
    } else {
      await this.send(source, raw);
    }
  }

  /**
   * Sends events until the client disconnects, the source ends or its table is destroyed, or `close` is called;
   * resolves when the response is closed. Rejects with any other error of the source.
   */
  async send(source: EventSource, response: ServerResponse): Promise<void> {
    const stream = new EventStream(source, response);
    this.#open.add(stream);
    streamsOpen++;
    try {
      const sent = stream.run(this.#heartbeatMs);
      // A request can still arrive on a connection that was busy when the app began to close.
      if (this.#closing) this.#end([stream]);
      await sent;
    } finally {
      this.#open.delete(stream);
      streamsOpen--;
    }
  }

  /** Ends all streams, also later ones; clients reconnect to another worker and resume with `Last-Event-ID`. */
  close(): void {
    this.#closing = true;
    this.#end([...this.#open]);
  }

  #end(streams: readonly EventStream[]): void {
    for (const stream of streams) stream.end();
    timers
      .setTimeout(() => {
        for (const stream of streams) stream.disconnect();
      }, LAST_WORDS_MS)
      .unref();
  }
}

class EventStream {
  readonly #source: EventSource;
  readonly #response: ServerResponse;
  /** Ends the wait for the client to read. */
  #proceed: () => void = () => undefined;
  #gone = false;
  #unreadHeartbeats = 0;

  constructor(source: EventSource, response: ServerResponse) {
    this.#source = source;
    this.#response = response;
  }

  async run(heartbeatMs: number): Promise<void> {
    const response = this.#response;
    response.once('close', () => this.#leave());
    // Heartbeats detect that a client is gone; there may be no events for a long time.
    response.setTimeout(0);
    const heartbeat = timers.setInterval(() => this.#beat(), heartbeatMs);
    try {
      this.#comment('events follow');
      for await (const event of this.#source) {
        if (!response.write(event)) await this.#until('drain');
      }
    } catch (error) {
      // The table was destroyed: the client learns that when it reconnects.
      if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
    } finally {
      response.end();
      await this.#until('close');
      timers.clearInterval(heartbeat);
    }
  }

  /** Sends the pending event and then ends the stream. */
  end(): void {
    void this.#source.return?.();
    this.#response.end();
  }

  disconnect(): void {
    this.#response.req.socket.destroy();
    this.#leave();
  }

  #leave(): void {
    this.#gone = true;
    this.end();
    this.#proceed();
  }

  #beat(): void {
    const response = this.#response;
    // A pipelined response that waits for others gets no event when its connection ends.
    if (response.req.socket.destroyed) {
      this.#leave();
      return;
    }
    if (response.writableNeedDrain || response.writableEnded) {
      if (++this.#unreadHeartbeats === MAX_UNREAD_HEARTBEATS) this.disconnect();
      return;
    }
    this.#unreadHeartbeats = 0;
    this.#comment('still here');
  }

  #comment(text: string): void {
    this.#response.write(`: ${text}\n${this.#source.afterComment?.() ?? ''}\n`);
  }

  /** Resolves when the response drains or closes, at the latest when the client disconnects. */
  async #until(event: 'drain' | 'close'): Promise<void> {
    if (this.#gone) return;
    await new Promise<void>((resolve) => {
      this.#proceed = resolve;
      this.#response.once(event, resolve);
    });
    this.#unreadHeartbeats = 0;
  }
}
