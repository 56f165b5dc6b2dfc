/**
 * Streams a table's changes to one client as Server-Sent Events. A slow client delays only itself: at most a socket's
 * buffer waits for it, its watch falls behind, and it receives a `gap`.
 *
 * A stream ends together with its connection (`Connection: close`): a client that reconnected over the same connection
 * would reach the same worker, which ends streams because it is draining.
 */

import type { ServerResponse } from 'node:http';
import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';
import type { Change, Gap } from '../table/types.js';

/** Number of heartbeats during which a client may read nothing before its connection is closed. */
const MAX_UNREAD_HEARTBEATS = 4;
/** Time limit for a client to read the end of a stream that the service ends. */
const LAST_WORDS_MS = 1000;

/** A source of changes: a watch, ended by `return`. */
export interface ChangeSource extends AsyncIterableIterator<Change | Gap> {
  /** The sequence number up to which every change was sent or did not match the prefix. */
  readonly position: number;
}

/** How a stream begins, and the ids of its events. Ids identify the table, because another one may get its name. */
interface StreamStart {
  /** The id of an event, which a client sends back to resume after it. */
  idOf(sequence: number): string;
  /** Whether it is unknown what the client has missed. */
  readonly hasMissed: boolean;
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

  /**
   * Sends changes until the client disconnects, the table is destroyed, or `close` is called; resolves when the
   * response is closed. Rejects with any other error of the source.
   */
  async send(source: ChangeSource, response: ServerResponse, start: StreamStart): Promise<void> {
    const stream = new EventStream(source, response, start);
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
  readonly #changes: ChangeSource;
  readonly #response: ServerResponse;
  readonly #start: StreamStart;
  /** Ends the wait for the client to read. */
  #proceed: () => void = () => undefined;
  #gone = false;
  #unreadHeartbeats = 0;

  constructor(changes: ChangeSource, response: ServerResponse, start: StreamStart) {
    this.#changes = changes;
    this.#response = response;
    this.#start = start;
  }

  async run(heartbeatMs: number): Promise<void> {
    const response = this.#response;
    response.once('close', () => this.#leave());
    // Heartbeats detect that a client is gone; the table may have no changes for a long time.
    response.setTimeout(0);
    const heartbeat = timers.setInterval(() => this.#beat(), heartbeatMs);
    try {
      this.#comment('changes follow');
      if (this.#start.hasMissed) response.write(this.#textOf({ type: 'gap', sequence: this.#changes.position }));
      for await (const change of this.#changes) {
        if (!response.write(this.#textOf(change))) await this.#until('drain');
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

  /** Sends the pending change and then ends the stream. */
  end(): void {
    void this.#changes.return?.();
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

  /**
   * Sends a comment with an id but without data. It is not an event, but sets the id that a client sends when it
   * reconnects before the next event, so that changes outside its prefix do not become a gap.
   */
  #comment(text: string): void {
    this.#response.write(`: ${text}\nid: ${this.#start.idOf(this.#changes.position)}\n\n`);
  }

  #textOf(change: Change | Gap): string {
    return `id: ${this.#start.idOf(change.sequence)}\nevent: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`;
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
