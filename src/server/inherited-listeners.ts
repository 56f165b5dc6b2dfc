/** A worker's side of the listening sockets: takes connections from those that it inherited from the primary. */
import { once } from 'node:events';
import { Server } from 'node:net';

/** Where a child's inherited descriptors begin: after stdin, stdout, stderr and the channel to the primary. */
const FIRST_DESCRIPTOR = 4;

/** The first accepts for itself; others, of further addresses, pass their connections on to it. */
export class InheritedListeners {
  readonly #servers: readonly Server[];

  /** @param server the HTTP server; @param count how many sockets the primary has handed down */
  constructor(server: Server, count: number) {
    // As an HTTP server has them: it answers clients that have closed their side, and sends answers at once.
    const options = { allowHalfOpen: true, noDelay: true };
    const further = Array.from(
      { length: count - 1 },
      () => new Server(options, (socket) => server.emit('connection', socket)),
    );
    this.#servers = [server, ...further];
  }

  /** Resolves when connections are accepted from every socket. */
  async listen(): Promise<void> {
    for (const [i, server] of this.#servers.entries()) {
      server.listen({ fd: FIRST_DESCRIPTOR + i });
      await once(server, 'listening');
    }
  }

  /**
   * Accepts no more; what waits in the kernel's queue is left to other workers, and connections stay. An HTTP server's
   * own `close` would also end those that are idle, just when a client may be sending its next request.
   */
  close(): void {
    for (const server of this.#servers) Server.prototype.close.call(server);
  }
}
