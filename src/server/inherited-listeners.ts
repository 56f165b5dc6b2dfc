/** A worker's side of the listening sockets: accepts connections from those that it inherited from the primary. */
import { once } from 'node:events';
import { Server } from 'node:net';

/** First inherited descriptor of a child: after stdin, stdout, stderr and the channel to the primary. */
const FIRST_DESCRIPTOR = 4;

/** The first listener belongs to the HTTP server; those of further addresses pass their connections to it. */
export class InheritedListeners {
  readonly #servers: readonly Server[];

  /** @param server the HTTP server; @param count number of sockets inherited from the primary */
  constructor(server: Server, count: number) {
    // The options of an HTTP server: half-open connections are served, and responses are sent without delay.
    const options = { allowHalfOpen: true, noDelay: true };
    const further = Array.from(
      { length: count - 1 },
      () => new Server(options, (socket) => server.emit('connection', socket)),
    );
    this.#servers = [server, ...further];
  }

  /** Resolves when every socket accepts connections. */
  async listen(): Promise<void> {
    for (const [i, server] of this.#servers.entries()) {
      server.listen({ fd: FIRST_DESCRIPTOR + i });
      await once(server, 'listening');
    }
  }

  /**
   * Stops accepting; connections in the kernel's queue are left to other workers, and existing ones stay open. The HTTP
   * server's own `close` would also close idle ones, just when a client may be sending its next request.
   */
  close(): void {
    for (const server of this.#servers) Server.prototype.close.call(server);
  }
}
