/**
 * Lets an app's connections end without breaking a request when it closes. From then on every answer says
 * `Connection: close` and `/readyz` says no; nothing more is accepted; connections end with their next answer, or when
 * nothing has come over them for a while.
 *
 * HTTP has no way to tell a client that an idle connection is about to close: a request that crosses the end is lost.
 * Whoever uses a connection steadily sends its next request, and is told, within the time that idle ones are left.
 */

import { Server, type Socket } from 'node:net';
import { timers } from '../memory/index.js';
import { hook } from './request-hooks.js';
import type { RoutesApp } from './service-routes.js';

/** A connection without a first byte gets at least this long: a request may be on its way. */
const FIRST_BYTE_MS = 1000;

export class ConnectionDrain {
  /** How long connections that are idle when the app closes are left to be used once more, in milliseconds. */
  idleMs = 0;
  // No 'data' listener to tell which are untouched: one would move every byte of every request through JavaScript.
  readonly #connections = new Set<Socket>();
  #begun = false;
  #idleEnd = false;
  #ended: () => void = () => undefined;

  /** Whether the app is closing, or about to. */
  get begun(): boolean {
    return this.#begun;
  }

  /** From now on every answer is the last one of its connection. New ones are still taken; closing the app ends that. */
  announce(): void {
    this.#begun = true;
  }

  /** To be called before anything that has a `preClose` hook of its own is registered. */
  watch(app: RoutesApp): void {
    const follow = (socket: Socket): void => {
      this.#connections.add(socket);
      socket.once('close', () => {
        this.#connections.delete(socket);
        if (this.#connections.size === 0) this.#ended();
      });
    };
    app.server.on('connection', follow);
    // Its own bytes are those of the handshake; a request comes over the one within.
    app.server.on('secureConnection', follow);
    app.addHook('onSend', (_request, reply, _payload, done) => {
      if (this.#begun) reply.header('Connection', 'close');
      done();
    });
    app.addHook(
      'onResponse',
      hook(() => {
        // An answer whose headers were out already has no such header; its connection is idle after this turn.
        if (this.#idleEnd) timers.setImmediate(() => app.server.closeIdleConnections());
      }),
    );
    app.addHook('preClose', async () => {
      this.announce();
      // An HTTP server's own `close`, which follows, would end the idle connections at once.
      if (app.server.listening) Server.prototype.close.call(app.server);
    });
  }

  /** To be awaited when everything else is registered: what must end before connections can has been told to by then. */
  async finish(app: RoutesApp): Promise<void> {
    await app.register(async (last) => {
      last.addHook('preClose', async () => this.#untilGone(app));
    });
  }

  async #untilGone(app: RoutesApp): Promise<void> {
    const idleEnd = timers.setTimeout(() => {
      this.#idleEnd = true;
      app.server.closeIdleConnections();
    }, this.idleMs);
    const untouchedEnd = timers.setTimeout(
      () => {
        for (const socket of this.#connections) if (socket.bytesRead === 0) socket.destroy();
      },
      Math.max(this.idleMs, FIRST_BYTE_MS),
    );
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#ended = resolve;
      });
    }
    timers.clearTimeout(idleEnd);
    timers.clearTimeout(untouchedEnd);
  }
}
