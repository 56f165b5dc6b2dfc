import { ShmTableError } from '../errors.js';
import type { NodeAddress, ParsedConnection } from './options.js';
import type { Argument } from './row-fields.js';

/** What is used of a client of `@redis/client`, which is loaded only when a table is opened. */
export interface RedisClient {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  /** Ends the connection; what is under way is rejected. */
  destroy(): void;
  sendCommand(args: readonly Argument[], options?: object): Promise<unknown>;
  subscribe(channel: string, listener: () => void): Promise<unknown>;
  on(event: 'error' | 'end' | 'terminated', listener: (error?: unknown) => void): unknown;
}

export interface RedisModule {
  /**
   * The class of clients without a method for each command. `createClient` makes such a class anew whenever its options
   * differ from those of the client before, which takes tens of milliseconds: hosts differ, so that is at every connection.
   */
  readonly RedisClient: new (
    options: object,
  ) => RedisClient;
  /** The class of errors that are a server's reply. */
  readonly ErrorReply: new (
    ...args: never[]
  ) => Error;
  readonly ClientOfflineError: new (...args: never[]) => Error;
  readonly ClientClosedError: new (...args: never[]) => Error;
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
  readonly BasicClientSideCache: new (options?: object) => object;
}

/** Loads the library. `ERR_ARGUMENT` when it is not installed. */
export async function loadRedis(): Promise<RedisModule> {
  try {
    const loaded: unknown = await import('@redis/client');
    return loaded as RedisModule;
  } catch (error) {
    throw new ShmTableError(
      'ERR_ARGUMENT',
      'a table in a cluster needs the package @redis/client, version 6: install it',
      {
        cause: error,
      },
    );
  }
}

/**
 * Options of one connection. It does not reconnect by itself, and nothing is queued while it is not connected: a command
 * that waits in a queue would run at a time when its caller has given up.
 */
export function clientOptions(module: RedisModule, { host, port }: NodeAddress, connection: ParsedConnection): object {
  const { username, password, tls, isSecure, timeoutMs } = connection;
  return {
    username,
    password,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    // Replies of any bytes. Time limits are ours: an AbortSignal for each command is slow.
    commandOptions: { timeout: undefined, typeMapping: { [module.RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: {
      host,
      port,
      connectTimeout: timeoutMs,
      reconnectStrategy: false,
      ...(isSecure ? { ...tls, tls: true } : {}),
    },
  };
}
