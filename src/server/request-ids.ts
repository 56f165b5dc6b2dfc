/** An id for each request, the client's own (`X-Request-Id`) or a new one; responses and log lines include it. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

declare module 'node:http' {
  interface IncomingMessage {
    /** Set at its first use. */
    requestId?: string;
  }
}

/** Ids that are safe in logs and other services. */
const ACCEPTED = /^[\w.:/+=@-]{1,128}$/;

/** Distinguishes the ids of this process from those of all others. */
const PROCESS = `${randomBytes(9).toString('base64url')}.`;
let requests = 0;

export function requestId(request: IncomingMessage): string {
  request.requestId ??= givenId(request) ?? newRequestId();
  return request.requestId;
}

/** An id that no other request to any worker has. */
export function newRequestId(): string {
  return PROCESS + ++requests;
}

function givenId({ headers }: IncomingMessage): string | undefined {
  const given = headers['x-request-id'];
  return typeof given === 'string' && ACCEPTED.test(given) ? given : undefined;
}
