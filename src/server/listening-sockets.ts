/**
 * The sockets that the service listens on. The primary binds them and keeps them until the service ends, but accepts no
 * connections: the workers inherit the descriptors and accept from the kernel's single queue.
 *
 * A connection is therefore always either in that queue, where every worker finds it, or belongs to the worker that
 * serves it, whose death resets it. Node's own round-robin scheduling has a state between the two: a connection sent to
 * a worker that dies before receiving it stays open in the primary, and its client waits forever. The primary's
 * descriptors keep the queue while there is no worker.
 */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { ShmTableError } from '../errors.js';
import type { ListeningPlace } from './listeners.js';

/** Only the owner may connect to a Unix socket. */
export const SOCKET_UMASK = 0o177;
/** Errors for addresses of `localhost` that a machine may lack. */
const MISSING_FAMILY: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

interface Address {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Path of a Unix socket, instead of host and port. */
  readonly socket: string | undefined;
}

/** A bound socket in the form that Node's cluster module uses. */
interface BoundSocket {
  readonly fd: number;
  getsockname?(name: { port?: number }): number;
  close(): void;
}

type AddressType = 4 | 6 | typeof UNIX;
const UNIX = -1;

/**
 * Binds without listening: `net.Server` does both and would then accept in the primary. Node's cluster module uses this
 * function; it is exported but undocumented.
 */
const bind: (address: string, port: number, type: AddressType) => BoundSocket | number =
  Object(net)._createServerHandle;

export class ListeningSockets {
  /** Readable address: `127.0.0.1:7070`, or the path of a Unix socket. */
  readonly address: string;
  /** The TCP port; undefined for a Unix socket. */
  readonly port: number | undefined;
  #sockets: readonly BoundSocket[];

  private constructor(address: string, port: number | undefined, sockets: readonly BoundSocket[]) {
    this.address = address;
    this.port = port;
    this.#sockets = sockets;
  }

  /**
   * Binds the sockets; `localhost` stands for all of its addresses.
   *
   * @throws {ShmTableError} ERR_INTERNAL when an address cannot be bound; ERR_ARGUMENT when the socket path is another
   *   file
   */
  static async open({ host, port, socket }: Address): Promise<ListeningSockets> {
    if (socket !== undefined) return ListeningSockets.#openUnix(socket);
    const addresses = await lookup(host, { all: true });
    const sockets: BoundSocket[] = [];
    let boundPort = port;
    try {
      for (const { address, family } of host === 'localhost' ? addresses : addresses.slice(0, 1)) {
        const bound = bind(address, boundPort, family === 6 ? 6 : 4);
        const name: { port?: number } = {};
        // A port in use is reported only here, not by binding.
        const failure = typeof bound === 'number' ? bound : (bound.getsockname?.(name) ?? 0);
        if (failure < 0) {
          if (typeof bound !== 'number') bound.close();
          if (sockets.length > 0 && MISSING_FAMILY.has(getSystemErrorName(failure))) continue;
          throw cannotListen(hostAndPort(address, boundPort), failure);
        }
        if (typeof bound !== 'number') sockets.push(bound);
        boundPort = name.port ?? boundPort;
      }
    } catch (error) {
      for (const bound of sockets) bound.close();
      throw error;
    }
    return new ListeningSockets(hostAndPort(host, boundPort), boundPort, sockets);
  }

  static async #openUnix(path: string): Promise<ListeningSockets> {
    await removeStaleSocket(path);
    const umask = process.umask(SOCKET_UMASK);
    const bound = bind(path, -1, UNIX);
    process.umask(umask);
    if (typeof bound === 'number') throw cannotListen(path, bound);
    return new ListeningSockets(path, undefined, [bound]);
  }

  /** Descriptors for workers to inherit. */
  get descriptors(): number[] {
    return this.#sockets.map(({ fd }) => fd);
  }

  /**
   * The sockets for servers of this process, which close them. A Unix socket is given by its path: Node would open its
   * descriptor a second time, and close it twice.
   */
  handOver(): ListeningPlace[] {
    const sockets = this.#sockets;
    if (this.port === undefined) this.close();
    this.#sockets = [];
    return this.port === undefined ? [{ path: this.address }] : [...sockets];
  }

  /**
   * Closes the sockets; once the last worker has done so too, connections are refused. Removes a Unix socket's file.
   */
  close(): void {
    for (const bound of this.#sockets) bound.close();
  }
}

function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function cannotListen(address: string, failure: number): ShmTableError {
  return new ShmTableError('ERR_INTERNAL', `cannot listen on ${address}: ${getSystemErrorName(failure)}`);
}

/** After a kill, the file of a Unix socket remains although no process listens on it. */
async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new ShmTableError('ERR_ARGUMENT', `socket ${path} exists and is not a socket`);
  const connection = net.connect(path);
  try {
    await once(connection, 'connect');
  } catch (error) {
    if (!isRefusal(error)) throw error;
    unlinkSync(path);
    return;
  } finally {
    connection.destroy();
  }
  throw new ShmTableError('ERR_INTERNAL', `cannot listen on ${path}: another service is listening on it`);
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
