/**
 * Lets an app's connections end when it closes. Node ends those that are idle at that moment, but neither one whose
 * request is still running, which would stay open for its keep-alive time, nor one that has not sent anything yet, as
 * browsers keep in reserve: either would hold the process up.
 */
import type { Socket } from 'node:net';
import type { RoutesApp } from './service-routes.js';

/** A connection without a first byte gets this long: a request may be on its way. */
const FIRST_BYTE_MS = 1000;

export function drainConnections(app: RoutesApp): void {
  // No 'data' listener to tell which are untouched: one would move every byte of every request through JavaScript.
  const connections = new Set<Socket>();
  app.server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
    setTimeout(() => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    }, FIRST_BYTE_MS).unref();
  });
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('Connection', 'close');
  });
  app.addHook('onResponse', async () => {
    // An answer whose headers were out already has no such header; its connection is idle after this turn.
    if (closing) setImmediate(() => app.server.closeIdleConnections());
  });
}
