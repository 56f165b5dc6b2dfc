/**
 * Server-Sent Events of a table's changes to one client. A client that reads slowly holds its own reading back and
 * nothing else: no more than a socket's buffer waits for it, its watch falls behind, and it is told so by a `gap`.
 */
import type { ServerResponse } from 'node:http';
import type { Change, Gap } from '../table/types.js';

/** How often a comment tells client and proxies that the stream lives. */
const HEARTBEAT_MS = 15_000;
/** Heartbeats that a client may leave unread before its connection is closed. */
const MAX_UNREAD_HEARTBEATS = 4;

/** Where changes come from: a watch, ended by `return`. */
export type ChangeSource = AsyncIterableIterator<Change | Gap>;

/** The streams of one app. */
export class EventStreams {
  readonly #open = new Set<EventStream>();

  /** Sends changes until the client goes, the table is destroyed, or `close`. Never rejects. */
  async send(changes: ChangeSource, response: ServerResponse): Promise<void> {
    const stream = new EventStream(changes, response);
    this.#open.add(stream);
    try {
      await stream.run();
    } finally {
      this.#open.delete(stream);
    }
  }

  /** Ends all streams; clients come back to another worker and resume by `Last-Event-ID`. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((stream) => stream.end()));
  }
}

class EventStream {
  readonly #changes: ChangeSource;
  readonly #response: ServerResponse;
  #unread = 0;

  constructor(changes: ChangeSource, response: ServerResponse) {
    this.#changes = changes;
    this.#response = response;
  }

  async run(): Promise<void> {
    const response = this.#response;
    const heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    const gone = (): void => void this.end();
    response.once('close', gone);
    response.write(': the changes follow\n\n');
    try {
      for await (const change of this.#changes) {
        if (!response.write(textOf(change))) await this.#drained();
      }
    } catch {
      // The table was closed or destroyed: the client asks again and is told.
    } finally {
      clearInterval(heartbeat);
      response.removeListener('close', gone);
      response.end();
    }
  }

  async end(): Promise<void> {
    await this.#changes.return?.();
    this.#response.end();
  }

  #beat(): void {
    const response = this.#response;
    if (!response.writableNeedDrain) {
      this.#unread = 0;
      response.write(': still here\n\n');
    } else if (++this.#unread === MAX_UNREAD_HEARTBEATS) {
      response.destroy();
    }
  }

  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const done = (): void => {
        response.removeListener('drain', done);
        response.removeListener('close', done);
        resolve();
      };
      response.once('drain', done);
      response.once('close', done);
      if (response.destroyed || response.writableEnded) done();
    });
  }
}

function textOf(change: Change | Gap): string {
  return `id: ${change.sequence}\nevent: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`;
}
