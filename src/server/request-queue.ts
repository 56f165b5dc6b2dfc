/**
 * Executes one request at a time on each connection; further requests that the client has sent wait. Node's server
 * would begin all requests that it has read; here only the first begins, and the connection is not read until the
 * others have their responses.
 *
 * Up to 64 KiB that were read together with the first request have been parsed and are kept; if they contain very many
 * requests, only the first ones are executed. After the last response on a connection, further input is read and
 * discarded for a while: closing immediately would reset the connection, and the client could lose responses that it
 * has not read.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { monotonicMs, timers } from '../memory/index.js';

/**
 * Maximum number of waiting requests on a connection; further ones are dropped, and the connection ends after the last.
 */
const MAX_WAITING = 500;
/** How long a client may take to notice that its connection has ended. */
const LINGER_MS = 1000;

declare module 'node:net' {
  interface Socket {
    /** Not in a WeakMap, which would keep closed connections until the next collection of the old generation. */
    requests?: Connection;
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Set while the body is read: ends that with an error, which becomes the response. */
    endBody?: ((error: Error) => void) | undefined;
    /** The bytes of a body that is not small and was accepted. */
    bodyBytes?: number;
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

class Connection {
  readonly #socket: Socket;
  readonly #listener: RequestListener;
  #current: Exchange | undefined;
  #waiting: Exchange[] = [];
  /** Whether further requests are ignored. */
  #isEnding = false;
  /** The request that was still arriving when its response had been sent. */
  #arriving: IncomingMessage | undefined;

  constructor(socket: Socket, listener: RequestListener) {
    this.#socket = socket;
    this.#listener = listener;
    // Node itself resumes reading, for example to drop the body of a request.
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

  /** After an upgrade request, which is never accepted, Node's parser reads no more requests. */
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

  /** The last of the responses that are still to be sent to requests that have arrived completely. */
  get lastPending(): ServerResponse | undefined {
    const all = this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting];
    const complete = all.at(-1)?.request.complete === false ? all.at(-2) : all.at(-1);
    return complete?.response;
  }

  /** Makes an error the response to the request that is arriving, if its body is being read; then the connection ends. */
  refuseArriving(error: Error): boolean {
    const { request, response } = this.#current ?? {};
    if (request?.endBody === undefined || request.complete || response?.headersSent !== false) return false;
    this.#isEnding = true;
    response.setHeader('Connection', 'close');
    request.endBody(error);
    return true;
  }

  /** Executes no further requests. */
  stop(): void {
    this.#isEnding = true;
    this.#waiting = [];
  }

  /** Whether the request that is arriving already has its response, or a part; the rest of it is then only discarded. */
  get isAnswered(): boolean {
    if (this.#current === undefined) return this.#arriving?.complete === false;
    const { request, response } = this.#current;
    return !request.complete && response.headersSent;
  }

  /** Whether the client has sent its request, and read all of the response so far: then it waits for the service. */
  get isAwaiting(): boolean {
    if (this.#current === undefined) return false;
    const { request, response } = this.#current;
    return request.complete && !response.writableEnded && this.#socket.writableLength === 0;
  }

  #begin(exchange: Exchange): void {
    this.#current = exchange;
    exchange.response.beganMs = monotonicMs();
    exchange.response.whenClosed = this.#onClose;
    this.#listener(exchange.request, exchange.response);
  }

  /** The current response was sent, or its connection has ended. */
  readonly #onClose = (): void => {
    // One that is complete is not kept: a closed connection lives until the next collection of the old generation.
    this.#arriving = this.#current?.request.complete === false ? this.#current.request : undefined;
    this.#current = undefined;
    const next = this.#waiting.shift();
    if (next !== undefined && !this.#socket.destroyed) this.#begin(next);
    else if (!this.#socket.destroyed) this.#socket.resume();
  };
}

/** Connections whose further requests are ignored. */
const stopped = new WeakSet<Socket>();

/** The listener, called for one request of each connection at a time. */
export function oneAtATime(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { socket } = request;
    if (socket.requests === undefined) {
      if (stopped.has(socket)) return;
      socket.requests = new Connection(socket, listener);
    }
    socket.requests.add({ request, response });
  };
}

/** Makes an error the response to the request that is arriving on a connection, if its body is being read. */
export function refuseArriving(socket: Socket, error: Error): boolean {
  return socket.requests?.refuseArriving(error) === true;
}

/** Executes no further requests of a connection. */
export function stopRequests(socket: Socket): void {
  stopped.add(socket);
  socket.requests?.stop();
}

/** The last of the responses that are still to be sent on a connection to requests that have arrived completely. */
export function lastPending(socket: Socket): ServerResponse | undefined {
  return socket.requests?.lastPending;
}

/** Whether the request that is arriving on a connection already has its response. */
export function isAnswered(socket: Socket): boolean {
  return socket.requests?.isAnswered === true;
}

/** Whether the client of a connection waits for the service, and not the service for the client. */
export function isAwaiting(socket: Socket): boolean {
  return socket.requests?.isAwaiting === true;
}
