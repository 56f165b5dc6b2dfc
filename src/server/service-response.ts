/**
 * The responses of the service's HTTP server. Common headers are added when the head is written, so that they need no
 * hook, and responses that Fastify does not send have them, too.
 */
import { type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { requestId } from './request-ids.js';

interface CommonHeaders {
  /** Headers that are the same in every response, with names in lower case. A response may override them. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Whether the response is the last one of its connection. */
  isLast(): boolean;
}

/** The class of responses with these headers, for the server's options. */
export function responsesWith({ fixed, isLast }: CommonHeaders): typeof ServerResponse {
  const names = Object.keys(fixed);
  const values = Object.values(fixed);

  function complete(headers: OutgoingHttpHeaders, response: ServerResponse): OutgoingHttpHeaders {
    headers['x-request-id'] = requestId(response.req);
    for (let i = 0; i < names.length; i++) headers[names[i]] ??= values[i];
    if (isLast()) headers.connection = 'close';
    return headers;
  }

  return class ServiceResponse<R extends IncomingMessage> extends ServerResponse<R> {
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
  };
}
