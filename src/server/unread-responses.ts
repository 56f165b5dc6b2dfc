/**
 * Ends connections whose client reads nothing of its response. The time limit of a socket does not suffice: whatever the
 * client sends meanwhile renews it.
 */
import type { Socket } from 'node:net';
import { monotonicMs, timers } from '../memory/index.js';

const CHECKS_PER_LIMIT = 5;
const LONGEST_INTERVAL_MS = 5000;

/** What is left of the responses of a connection. */
interface Unread {
  /** Bytes given to the connection so far, and those of them that wait until the client reads. */
  readonly written: number;
  readonly waiting: number;
  readonly sinceMs: number;
}

/**
 * Looks at all connections from time to time; returns a function that stops this. Sockets without a time limit have
 * another rule of their own.
 */
export function endUnread(sockets: Iterable<Socket>, limitMs: number): () => void {
  if (limitMs === 0) return () => undefined;
  const unread = new WeakMap<Socket, Unread>();
  const look = (): void => {
    const nowMs = monotonicMs();
    for (const socket of sockets) {
      if (socket.writableLength === 0 || socket.timeout === 0) {
        unread.delete(socket);
        continue;
      }
      const written = socket.bytesWritten;
      // One write may be as long as a value. Node itself watches this property for the time limit of a socket.
      const waiting: number = Object(socket)._handle?.writeQueueSize ?? 0;
      const before = unread.get(socket);
      if (before === undefined || before.written !== written || before.waiting !== waiting) {
        unread.set(socket, { written, waiting, sinceMs: nowMs });
      } else if (nowMs - before.sinceMs >= limitMs) socket.destroy();
    }
  };
  const interval = timers.setInterval(look, Math.min(limitMs / CHECKS_PER_LIMIT, LONGEST_INTERVAL_MS)).unref();
  return () => timers.clearInterval(interval);
}
