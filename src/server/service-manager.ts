/**
 * Reports the state of the service to systemd (`Type=notify`). Node has no Unix datagram sockets, so systemd's own
 * program sends the message; it exists wherever there is a `NOTIFY_SOCKET`. The unit must have `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process';
import type { FastifyBaseLogger } from 'fastify';

/** Sends assignments such as `READY=1`; does nothing without systemd. A failure is only logged. */
export function tellServiceManager(log: FastifyBaseLogger, ...assignments: readonly string[]): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    execFile('systemd-notify', assignments, (error) => {
      if (error !== null) log.warn({ err: error }, 'systemd cannot be told');
      resolve();
    });
  });
}
