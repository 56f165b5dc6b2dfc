/** Connections that are told of all writes under a prefix, as the feeds of other hosts are, and read nothing of it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RedisNode } from '../../test/fixtures/redis-servers.js';

const COMMANDS = (prefix: string): string =>
  [
    ['HELLO', '3'],
    ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', prefix],
    ['SUBSCRIBE', 'bench'],
  ]
    .map((words) => `${words.join(' ')}\r\n`)
    .join('');

/** `hosts` connections to each server; resolves when all are told of writes. */
export async function subscribeHosts(servers: readonly RedisNode[], prefix: string, hosts: number): Promise<Socket[]> {
  const connections = servers.flatMap(({ port }) => Array.from({ length: hosts }, () => subscribe(port, prefix)));
  return Promise.all(connections);
}

async function subscribe(port: number, prefix: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(COMMANDS(prefix));
  let answer = '';
  while (!answer.includes('subscribe')) answer += String((await once(socket, 'data'))[0]);
  socket.resume();
  return socket;
}
