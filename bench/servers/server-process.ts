/** A server that the benchmark starts and stops: another program, in a separate folder. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type NetConnectOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEnd } from '../../src/bench/before-end.js';

const START_LIMIT_MS = 15_000;
const FIRST_PORT = 10_000;
/** By default; see `/proc/sys/net/ipv4/ip_local_port_range`. */
const FIRST_OUTGOING_PORT = 32_768;
const BETWEEN_TRIES_MS = 20;

export interface ServerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Where it listens when it is ready. */
  readonly listensAt: NetConnectOpts;
  /** The Debian package that contains the command. */
  readonly debianPackage?: string;
  /** Called when it has exited. */
  readonly cleanUp?: () => void;
}

/** Starts it and waits until it accepts connections. Throws if it is not installed or does not start. */
export async function startServer(server: ServerCommand): Promise<ServerProcess> {
  const { command, args, env, cleanUp, debianPackage } = server;
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT' && debianPackage !== undefined;
      resolve(missing ? `not installed (Debian package ${debianPackage})` : error.message);
    });
    child.once('exit', (code, signal) => resolve(`${command} ended by ${signal ?? code}: ${complaints.trim()}`));
  });
  const kill = beforeEnd(() => child.kill('SIGTERM'));
  const stop = async (): Promise<void> => {
    const gone = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
    const exit = gone ? undefined : once(child, 'exit');
    kill();
    await exit;
    cleanUp?.();
  };
  const problem = await Promise.race([ended, listening(server)]);
  if (problem === undefined && child.pid !== undefined) return { pid: child.pid, stop };
  await stop();
  throw new Error(problem);
}

/**
 * A port of this machine that has just been free. It is below those that Linux gives to outgoing connections: one of
 * those may be in use again before the server listens, even by the attempt to connect to it, which then meets itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, FIRST_OUTGOING_PORT);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Resolves to undefined as soon as a server listens there, or to an error message if none does in time. */
async function listening({ command, listensAt }: ServerCommand): Promise<string | undefined> {
  const end = performance.now() + START_LIMIT_MS;
  while (performance.now() < end) {
    if (await accepts(listensAt)) return undefined;
    await sleep(BETWEEN_TRIES_MS);
  }
  return `${command} does not listen after ${START_LIMIT_MS} ms`;
}

function accepts(place: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
