/**
 * One request under way per connection: what a client has sent behind it waits. Node's server begins all requests that
 * have been read; here only the first begins, and the connection is not read until the others have had their turn.
 *
 * What was read together with the first request, up to 64 KiB, has been parsed and is kept; of very many requests in it
 * only the first are answered. After the last response of a connection, what the client still sends is read and dropped
 * for a while: to close at once would reset the connection, and the client could lose responses that it has not read.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { timers } from '../memory/index.js';

/** Requests of a connection that may wait; those behind them are dropped, and the connection ends after the last. */
const MAX_WAITING = 500;
/** How long a client may take to see that its connection has ended. */
const LINGER_MS = 1000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

class Connection {
  readonly #socket: Socket;
  readonly #listener: RequestListener;
  #current: Exchange | undefined;
  #waiting: Exchange[] = [];
  /** Whether no further request is answered. */
  #isEnding = false;
  /** The last request whose response has been sent. */
  #answered: Exchange | undefined;

  constructor(socket: Socket, listener: RequestListener) {
    this.#socket = socket;
    this.#listener = listener;
    // Node resumes reading for its own reasons, such as to drop the body of a request.
    socket.on('resume', () => {
      if (this.#waiting.length > 0) socket.pause();
    });
    socket.once('close', () => {
      this.#waiting = [];
    });
    // Called by Node after a response with `Connection: close`.
    socket.destroySoon = () => this.#endGently();
  }

  add(exchange: Exchange): void {
    if (this.#isEnding) return;
    if (exchange.request.headers.upgrade !== undefined) this.#endAfter(exchange);
    if (this.#current === undefined) {
      this.#begin(exchange);
      return;
    }
    this.#waiting.push(exchange);
    this.#socket.pause();
    if (this.#waiting.length === MAX_WAITING) this.#endAfter(exchange);
  }

  /** Behind an upgrade, which is never accepted, Node's parser finds no more requests. */
  #endAfter({ response }: Exchange): void {
    this.#isEnding = true;
    response.setHeader('Connection', 'close');
  }

  #endGently(): void {
    const socket = this.#socket;
    this.#isEnding = true;
    this.#waiting = [];
    socket.end();
    if (socket.readableEnded) return;
    socket.resume();
    const limit = timers.setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => timers.clearTimeout(limit));
  }

  /** The response, of those to requests that have arrived in full, that will be the last to be sent. */
  get lastPending(): ServerResponse | undefined {
    const all = this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting];
    const complete = all.at(-1)?.request.complete === false ? all.at(-2) : all.at(-1);
    return complete?.response;
  }

  /** Whether the request that is arriving has been answered: the rest of it is only dropped. */
  get isAnswered(): boolean {
    return this.#current === undefined && this.#answered?.request.complete === false;
  }

  #begin(exchange: Exchange): void {
    this.#current = exchange;
    exchange.response.once('close', () => {
      this.#current = undefined;
      this.#answered = exchange;
      const next = this.#waiting.shift();
      if (next !== undefined && !this.#socket.destroyed) this.#begin(next);
      else if (!this.#socket.destroyed) this.#socket.resume();
    });
    this.#listener(exchange.request, exchange.response);
  }
}

const connections = new WeakMap<Socket, Connection>();

/** The listener, called for one request of each connection at a time. */
export function oneAtATime(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request;
    let connection = connections.get(socket);
    if (connection === undefined) {
      connection = new Connection(socket, listener);
      connections.set(socket, connection);
    }
    connection.add({ request, response });
  };
}

/** The last response of a connection that is still to be sent, of those whose requests have arrived in full. */
export function lastPending(socket: Socket): ServerResponse | undefined {
  return connections.get(socket)?.lastPending;
}

/** Whether the request that is arriving on a connection has been answered already. */
export function isAnswered(socket: Socket): boolean {
  return connections.get(socket)?.isAnswered === true;
}
