/**
 * The responses of the service's HTTP server. What every response needs is done here, by one method each: as Fastify
 * hooks and event listeners it would cost each request several times as much as reading a row.
 */
import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { requestId } from './request-ids.js';

declare module 'node:http' {
  interface ServerResponse {
    /** When its request began to be executed, on the monotonic clock. */
    beganMs?: number;
    /** Called when the response has been sent or cut short. Only the service's own responses call it. */
    whenClosed?: (() => void) | undefined;
  }
}

export interface ResponseRules {
  /** Headers of every response, with names in lower case. A response may have another value of its own. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the response is the last one of its connection. */
  isLast(): boolean;
  /** Called when a response has been sent completely, or its connection has ended before. */
  ended(response: ServerResponse): void;
}

/** The status that logs and metrics show if the client disconnected before its response began, as in other servers. */
const CLIENT_GONE = 499;

/** The status of a response that has ended. */
export function statusOf({ headersSent, statusCode }: ServerResponse): number {
  return headersSent ? statusCode : CLIENT_GONE;
}

/** The class of responses that follow these rules, for the server's options. */
export function responsesUnder({ headers: common, isLast, ended }: ResponseRules): typeof ServerResponse {
  const names = Object.keys(common);
  const values = Object.values(common);

  /** All headers of a response as a flat list, which Node writes faster than the properties of an object. */
  function complete(own: OutgoingHttpHeaders, response: ServerResponse): OutgoingHttpHeader[] {
    const list: OutgoingHttpHeader[] = ['x-request-id', requestId(response.req)];
    for (const name in own) {
      const value = own[name];
      if (value !== undefined) list.push(name, value);
    }
    for (let i = 0; i < names.length; i++) if (own[names[i]] === undefined) list.push(names[i], values[i]);
    if (isLast() && own.connection === undefined) list.push('connection', 'close');
    return list;
  }

  return class ServiceResponse<R extends IncomingMessage> extends ServerResponse<R> {
    override beganMs: number = 0;
    override whenClosed: (() => void) | undefined = undefined;

    /** Fastify passes the headers in a separate object; without one, they have been set one by one before. */
    override writeHead(
      statusCode: number,
      reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
      headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
    ): this {
      if (typeof reason === 'object' && !Array.isArray(reason)) {
        return super.writeHead(statusCode, complete(reason, this));
      }
      const list = complete(this.getHeaders(), this);
      for (let i = 0; i < list.length; i += 2) this.setHeader(String(list[i]), list[i + 1]);
      return typeof reason === 'string'
        ? super.writeHead(statusCode, reason, headers)
        : super.writeHead(statusCode, reason);
    }

    override emit(event: string | symbol, ...values: unknown[]): boolean {
      const isHeard = super.emit(event, ...values);
      if (event === 'close') {
        ended(this);
        this.whenClosed?.();
      }
      return isHeard;
    }
  };
}
