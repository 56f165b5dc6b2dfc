/** Redis on a Unix socket, which is faster than TCP, and without persistence. */
import { scratchFolder } from '../scratch-folder.js';
import { type ServerProcess, startServer } from './server-process.js';

export interface RedisServer extends ServerProcess {
  readonly socket: string;
}

export async function startRedis(): Promise<RedisServer> {
  const folder = scratchFolder();
  const socket = folder.path('redis.sock');
  const settings = { port: '0', unixsocket: socket, save: '', appendonly: 'no' };
  const server = await startServer({
    command: 'redis-server',
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    listensAt: { path: socket },
    debianPackage: 'redis-server',
    cleanUp: folder.remove,
  });
  return { ...server, socket };
}
