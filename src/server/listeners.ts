/** The side of the listening sockets that accepts connections: in a worker, from those that it inherited from the primary. */
import { once } from 'node:events';
import { Server } from 'node:net';

/** First inherited descriptor of a child: after stdin, stdout, stderr and the channel to the primary. */
const FIRST_DESCRIPTOR = 4;

/** What `Server.listen` accepts: a bound socket, a descriptor, or the path of a Unix socket. */
export type ListeningPlace = object;

/** The sockets that a worker has inherited from the primary. */
export function inheritedSockets(count: number): ListeningPlace[] {
  return Array.from({ length: count }, (_, i) => ({ fd: FIRST_DESCRIPTOR + i }));
}

/** The first listener belongs to the HTTP server; those of further addresses pass their connections to it. */
export class Listeners {
  readonly #servers: readonly Server[];
  readonly #places: readonly ListeningPlace[];

  constructor(server: Server, places: readonly ListeningPlace[]) {
    // The options of an HTTP server: half-open connections are served, and responses are sent without delay.
    const options = { allowHalfOpen: true, noDelay: true };
    const further = Array.from(
      { length: places.length - 1 },
      () => new Server(options, (socket) => server.emit('connection', socket)),
    );
    this.#servers = [server, ...further];
    this.#places = places;
  }

  /** Resolves when every socket accepts connections. */
  async listen(): Promise<void> {
    for (const [i, server] of this.#servers.entries()) {
      server.listen(this.#places[i]);
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
