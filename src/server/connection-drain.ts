/**
 * Closes an app's connections without interrupting requests. Once draining begins, every response has
 * `Connection: close`, `/readyz` returns 503, and no more connections are accepted. A connection ends after its next
 * response, or when it has been idle for a while.
 *
 * HTTP cannot announce that an idle connection is about to close: a request sent at that moment is lost. A client that
 * uses its connection regularly sends another request, and receives `Connection: close`, within the idle time.
 */

import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'node:net';
import { timers } from '../memory/index.js';
import type { RoutesApp } from './service-routes.js';

/** A connection that has received nothing stays open at least this long, because a request may be on its way. */
const FIRST_BYTE_MS = 1000;

export class ConnectionDrain {
  /** How long idle connections stay open after draining begins, in milliseconds. */
  #idleMs: number = 0;
  // No 'data' listener to find unused connections: it would pass every byte of every request through JavaScript.
  readonly #connections = new Set<Socket>();
  #begun = false;
  /** Restarts the wait for idle connections; undefined while nothing waits for them. */
  #waitAnew: (() => void) | undefined;
  #idleEnd = false;
  #ended: () => void = () => undefined;
  #server: HttpServer | undefined;

  /** Whether draining has begun: then every response is the last one of its connection. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The open connections, at any time. */
  get sockets(): Iterable<Socket> {
    return this.#connections;
  }

  /** Number of open connections. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Makes every response from now on the last of its connection. Connections are accepted until the app closes. */
  announce(): void {
    this.#begun = true;
  }

  /** Sets how long idle connections stay open, from now on if they are waited for already. */
  endIdleAfter(idleMs: number): void {
    this.#idleMs = idleMs;
    this.#waitAnew?.();
  }

  /** Must be called after every response. */
  responded(): void {
    // A response whose headers had been sent before could not have the header; its connection is idle after this turn.
    if (this.#idleEnd) timers.setImmediate(() => this.#server?.closeIdleConnections());
  }

  /** Must be called before anything with its own `preClose` hook is registered. */
  watch(app: RoutesApp): void {
    this.#server = app.server;
    const follow = (socket: Socket): void => {
      this.#connections.add(socket);
      socket.once('close', () => {
        this.#connections.delete(socket);
        if (this.#connections.size === 0) this.#ended();
      });
    };
    app.server.on('connection', follow);
    // The bytes of the outer socket are those of the TLS handshake; requests arrive on the inner one.
    app.server.on('secureConnection', follow);
    app.addHook('preClose', async () => {
      this.announce();
      // The HTTP server's own `close`, which follows, would close idle connections immediately.
      if (app.server.listening) Server.prototype.close.call(app.server);
    });
  }

  /** Must be awaited after everything else is registered, so that whatever keeps connections open is stopped first. */
  async finish(app: RoutesApp): Promise<void> {
    await app.register(async (last) => {
      last.addHook('preClose', async () => this.#untilGone(app));
    });
  }

  async #untilGone(app: RoutesApp): Promise<void> {
    let idleEnd: NodeJS.Timeout | undefined;
    let untouchedEnd: NodeJS.Timeout | undefined;
    const clear = (): void => {
      timers.clearTimeout(idleEnd);
      timers.clearTimeout(untouchedEnd);
    };
    this.#waitAnew = () => {
      clear();
      idleEnd = timers.setTimeout(() => {
        this.#idleEnd = true;
        app.server.closeIdleConnections();
      }, this.#idleMs);
      untouchedEnd = timers.setTimeout(
        () => {
          for (const socket of this.#connections) if (socket.bytesRead === 0) socket.destroy();
        },
        Math.max(this.#idleMs, FIRST_BYTE_MS),
      );
    };
    this.#waitAnew();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#ended = resolve;
      });
    }
    this.#waitAnew = undefined;
    clear();
  }
}
