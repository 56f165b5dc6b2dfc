/** The two Redis clients that programs use. */
import { requireCompetitor } from '../competitor-packages.js';
import type { Command, RedisClient } from './redis-rows.js';

interface IoredisConnection {
  call(...command: string[]): Promise<unknown>;
  pipeline(commands: string[][]): { exec(): Promise<[Error | null, unknown][]> };
  quit(): Promise<unknown>;
}

export function connectIoredis(socket: string): RedisClient {
  const Redis: new (path: string) => IoredisConnection = requireCompetitor('ioredis');
  const redis = new Redis(socket);
  return {
    async send(commands) {
      if (commands.length === 1) return [await redis.call(...commands[0])];
      const replies = await redis.pipeline(commands.map(([name, ...rest]) => ['call', name, ...rest])).exec();
      return replies.map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    },
    async close() {
      await redis.quit();
    },
  };
}

interface NodeRedisConnection {
  connect(): Promise<unknown>;
  sendCommand(command: Command): Promise<unknown>;
  close(): Promise<void>;
}

interface NodeRedis {
  createClient(options: { socket: { path: string; tls: false } }): NodeRedisConnection;
}

export async function connectNodeRedis(socket: string): Promise<RedisClient> {
  const { createClient }: NodeRedis = requireCompetitor('redis');
  const redis = createClient({ socket: { path: socket, tls: false } });
  await redis.connect();
  return {
    // Commands of one turn of the event loop are sent in one write.
    send: (commands) => Promise.all(commands.map((command) => redis.sendCommand(command))),
    close: () => redis.close(),
  };
}
