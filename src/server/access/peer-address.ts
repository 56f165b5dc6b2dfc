import type { Socket } from 'node:net';

/**
 * Whether a new TCP connection still has a peer. Node remembers the address that is read here; once the peer has reset
 * the connection the kernel no longer tells it, although what it sent before can still be read. A request without an
 * address would have none in the log, and would count as one from a proxy behind a Unix socket.
 */
export function hasPeer(socket: Socket): boolean {
  return socket.remoteAddress !== undefined;
}
