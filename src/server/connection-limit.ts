/**
 * Limits the connections of a worker: one too many gets a 503 and ends, instead of taking the descriptors that the worker
 * needs for tables, snapshots and logs.
 */
import { readFileSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import { timers } from '../memory/index.js';
import { refuseConnection } from './client-errors.js';

/** Descriptors that remain for everything else, if the process may have so many. */
const RESERVED_DESCRIPTORS = 256;
/** Refused connections that may wait for their client to close; what they still send is dropped. */
const MAX_LINGERING = 64;
const LINGER_MS = 1000;
/** After the limit was reached it is logged again once the connections were fewer than this part of it. */
const RELIEF = 0.9;

interface ConnectionLimitOptions {
  readonly limit: number;
  /** Whether a plain response can be read by the client. */
  readonly isPlain: boolean;
  readonly log: FastifyBaseLogger;
}

/** Must be called when all listeners for connections have been added: a refused connection reaches none of them. */
export function limitConnections(server: Server, { limit, isPlain, log }: ConnectionLimitOptions): void {
  const listeners = server.listeners('connection');
  const effective = Math.min(limit, descriptorsForConnections());
  let open = 0;
  let lingering = 0;
  let isReported = false;

  const refuse = (socket: Socket): void => {
    if (!isReported) log.warn({ connections: open, limit: effective }, 'limit of connections reached');
    isReported = true;
    socket.on('error', () => undefined);
    if (!isPlain) {
      socket.destroy();
      return;
    }
    refuseConnection(socket, effective);
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
}

/** How many descriptors of this process connections may take. */
function descriptorsForConnections(): number {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  const all = Number(soft);
  // Unlimited.
  if (!Number.isFinite(all)) return Number.POSITIVE_INFINITY;
  return Math.max(1, all - Math.min(RESERVED_DESCRIPTORS, Math.floor(all / 2)));
}
