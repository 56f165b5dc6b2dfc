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
  /** Called when a response has been sent completely. */
  sent(response: ServerResponse): void;
}

/** The class of responses that follow these rules, for the server's options. */
export function responsesUnder({ headers: common, isLast, sent }: ResponseRules): typeof ServerResponse {
  const names = Object.keys(common);
  const values = Object.values(common);

  function complete(headers: OutgoingHttpHeaders, response: ServerResponse): OutgoingHttpHeaders {
    headers['x-request-id'] = requestId(response.req);
    for (let i = 0; i < names.length; i++) headers[names[i]] ??= values[i];
    if (isLast()) headers.connection = 'close';
    return headers;
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
      const others = complete({ ...this.getHeaders() }, this);
      for (const [name, value] of Object.entries(others)) if (value !== undefined) this.setHeader(name, value);
      return typeof reason === 'string'
        ? super.writeHead(statusCode, reason, headers)
        : super.writeHead(statusCode, reason);
    }

    override emit(event: string | symbol, ...values: unknown[]): boolean {
      const isHeard = super.emit(event, ...values);
      if (event === 'finish') sent(this);
      else if (event === 'close') this.whenClosed?.();
      return isHeard;
    }
  };
}
