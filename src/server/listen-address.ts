/** Where the service listens, made ready before the workers ask for it. */
import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { ShmTableError } from '../errors.js';
import type { ServiceSettings } from './settings/settings-schema.js';

/** The settings with a port of their own instead of 0, and without a dead service's socket in the way. */
export async function prepareAddress(settings: ServiceSettings): Promise<ServiceSettings> {
  if (settings.socket !== undefined) {
    await removeStaleSocket(settings.socket);
    return settings;
  }
  if (settings.port !== 0) return settings;
  // Port 0 would be another port for every set of workers; all of them, replacements too, need the same.
  return { ...settings, port: await freePort(settings.host) };
}

async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string')
    throw new ShmTableError('ERR_INTERNAL', 'a TCP server has no port');
  return address.port;
}

/** A socket that nobody listens on any more stays in the file system after a kill. */
async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new ShmTableError('ERR_ARGUMENT', `socket ${path} is a file that is no socket`);
  const connection = connect(path);
  try {
    await once(connection, 'connect');
  } catch {
    unlinkSync(path);
    return;
  } finally {
    connection.destroy();
  }
  throw new ShmTableError('ERR_ARGUMENT', `socket ${path} is in use by another service`);
}
