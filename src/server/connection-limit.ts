/**
 * Limits the connections of a worker: a connection over the limit gets a 503 and is closed, so that the worker has
 * enough descriptors for tables, snapshots and logs.
 */
import { readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { SHARES_MEMORY, timers } from '../memory/index.js';
import { hasPeer } from './access/peer-address.js';
import { descriptorLimit } from './descriptor-limit.js';

/** Descriptors that are left for everything else, if the process may have that many. */
const RESERVED_DESCRIPTORS = 256;
/** Maximum number of refused connections that wait for their client to close; their input is discarded. */
const MAX_LINGERING = 64;
const LINGER_MS = 1000;
/** After the limit was logged, it is logged again only if the connections have dropped below this share of it. */
const RELIEF = 0.9;

interface ConnectionLimitOptions {
  readonly limit: number;
  /** Responds to a connection over the limit; undefined if its client cannot read a response in plain text. */
  readonly refuse: ((socket: Socket, limit: number) => void) | undefined;
  /** Whether connections come over TCP, so that each has an address. */
  readonly onTcp: boolean;
  readonly log: FastifyBaseLogger;
}

/**
 * Must be called when all listeners for connections have been added: a refused connection reaches none of them, nor does
 * one that its client has reset.
 */
export function limitConnections(server: Server, { limit, refuse: respond, onTcp, log }: ConnectionLimitOptions): void {
  const listeners = server.listeners('connection');
  const effective = Math.min(limit, descriptorsForConnections());
  let open = 0;
  let lingering = 0;
  let isReported = false;

  const refuse = (socket: Socket): void => {
    if (!isReported) log.warn({ connections: open, limit: effective }, 'limit of connections reached');
    isReported = true;
    socket.on('error', () => undefined);
    if (respond === undefined) {
      socket.destroy();
      return;
    }
    respond(socket, effective);
    if (lingering >= MAX_LINGERING) {
      socket.destroySoon();
      return;
    }
    lingering++;
    socket.resume();
    const end = timers.setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => {
      lingering--;
      timers.clearTimeout(end);
    });
  };

  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (onTcp && !hasPeer(socket)) {
      socket.destroy();
      return;
    }
    if (open >= effective) {
      refuse(socket);
      return;
    }
    open++;
    socket.once('close', () => {
      open--;
      if (open < effective * RELIEF) isReported = false;
    });
    for (const listener of listeners) listener.call(server, socket);
  });
  // The socket of the requests is another object.
  server.prependListener('secureConnection', (socket: Socket) => {
    if (onTcp && !hasPeer(socket)) socket.destroy();
  });
}

/** The number of descriptors of this process that connections may take; unknown, and so unlimited, without /proc. */
function descriptorsForConnections(): number {
  if (!SHARES_MEMORY) return Number.POSITIVE_INFINITY;
  const all = descriptorLimit(readFileSync('/proc/self/limits', 'utf8'));
  return Math.max(1, all - Math.min(RESERVED_DESCRIPTORS, Math.floor(all / 2)));
}
