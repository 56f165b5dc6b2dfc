/**
 * Server-Sent Events of a table's changes to one client. A client that reads slowly holds its own reading back and
 * nothing else: no more than a socket's buffer waits for it, its watch falls behind, and it is told so by a `gap`.
 *
 * A stream ends together with its connection (`Connection: close`): a client that came back over the same one would
 * come back to the same worker, which ends streams because it drains.
 */

import type { ServerResponse } from 'node:http';
import { hasCode } from '../errors.js';
import { timers } from '../memory/index.js';
import type { Change, Gap } from '../table/types.js';

/** Heartbeats during which a client may leave everything unread before its connection is closed. */
const MAX_UNREAD_HEARTBEATS = 4;
/** Time for clients to take the end of a stream that the service ends; it would wait for them otherwise. */
const LAST_WORDS_MS = 1000;

/** Where changes come from: a watch, ended by `return`. */
export interface ChangeSource extends AsyncIterableIterator<Change | Gap> {
  /** The sequence up to which everything was sent or did not fit. */
  readonly position: number;
}

/** The streams of one app. */
export class EventStreams {
  readonly #heartbeatMs: number;
  readonly #open = new Set<EventStream>();
  #closing = false;

  /** @param heartbeatMs how often a comment tells client and proxies that the stream lives, in milliseconds */
  constructor(heartbeatMs: number) {
    this.#heartbeatMs = heartbeatMs;
  }

  /**
   * Sends changes until the client goes, the table is destroyed, or `close`; resolves when the response is closed.
   * Rejects with any other error that ended the changes.
   */
  async send(source: ChangeSource, response: ServerResponse): Promise<void> {
    const stream = new EventStream(source, response);
    this.#open.add(stream);
    try {
      const sent = stream.run(this.#heartbeatMs);
      // A request may still arrive over a connection that was busy when the app began to close.
      if (this.#closing) this.#end([stream]);
      await sent;
    } finally {
      this.#open.delete(stream);
    }
  }

  /** Ends all streams, later ones too; clients come back to another worker and resume by `Last-Event-ID`. */
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
  /** Ends the wait for the client to read. */
  #proceed: () => void = () => undefined;
  #gone = false;
  #unreadHeartbeats = 0;

  constructor(changes: ChangeSource, response: ServerResponse) {
    this.#changes = changes;
    this.#response = response;
  }

  async run(heartbeatMs: number): Promise<void> {
    const response = this.#response;
    response.once('close', () => this.#leave());
    // Heartbeats find out who is gone; a table may be silent for as long as it likes.
    response.setTimeout(0);
    const heartbeat = timers.setInterval(() => this.#beat(), heartbeatMs);
    try {
      this.#comment('changes follow');
      for await (const change of this.#changes) {
        if (!response.write(textOf(change))) await this.#until('drain');
      }
    } catch (error) {
      // Of a destroyed table: the client asks again and is told.
      if (!hasCode(error, 'ERR_TABLE_CLOSED')) throw error;
    } finally {
      response.end();
      await this.#until('close');
      timers.clearInterval(heartbeat);
    }
  }

  /** Sends what is under way, and no more. */
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
    // A response that waits behind others of its connection does not hear of the connection's end.
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
   * A comment with an id but without data: no event, but what a client will send back that is cut off before the next
   * one. Changes that did not fit its prefix may have gone by meanwhile; coming back it shall not take them for lost.
   */
  #comment(text: string): void {
    this.#response.write(`: ${text}\nid: ${this.#changes.position}\n\n`);
  }

  /** Resolves when the response drains or closes; at the latest when the client is gone. */
  async #until(event: 'drain' | 'close'): Promise<void> {
    if (this.#gone) return;
    await new Promise<void>((resolve) => {
      this.#proceed = resolve;
      this.#response.once(event, resolve);
    });
    this.#unreadHeartbeats = 0;
  }
}

function textOf(change: Change | Gap): string {
  return `id: ${change.sequence}\nevent: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`;
}
