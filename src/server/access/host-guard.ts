/**
 * Protects a service that listens on loopback without tokens from web pages. A page's script can reach 127.0.0.1 by a
 * domain name of the page's author (DNS rebinding); the Host header then has that name. Unix sockets cannot be reached
 * in this way, so the guard is only for services that listen on TCP. This is decided by the listener, not by the peer's
 * address, which is undefined after the peer has reset its connection.
 */
import type { FastifyRequest } from 'fastify';
import { ShmTableError, show } from '../../errors.js';
import type { Step } from '../request-hooks.js';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);
const HOST_LENGTH = 'host'.length;
const HOST = /^(\[[^\]]*\]|[^:]*)(?::[0-9]*)?$/;

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === '::1' || LOOPBACK_NAMES.has(host.toLowerCase());
}

/** The steps of every request, before any other that may reject it. */
export function hostGuard({ onTcp, withTokens }: { onTcp: boolean; withTokens: boolean }): Step[] {
  if (!onTcp) return [];
  return withTokens ? [refuseMalformedHost] : [refuseMalformedHost, refuseForeignHost];
}

/** @throws {ShmTableError} ERR_ARGUMENT when a TCP request has no Host header, which HTTP requires, or several */
function refuseMalformedHost(request: FastifyRequest): void {
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
    throw new ShmTableError('ERR_ARGUMENT', 'an HTTP/1.1 request must have a Host header');
  }
  const { rawHeaders } = request.raw;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].length === HOST_LENGTH && rawHeaders[i].toLowerCase() === 'host') hosts++;
  }
  if (hosts > 1) throw new ShmTableError('ERR_ARGUMENT', 'a request must have only one Host header');
}

/** The last Host that was allowed: most requests have the same. */
let allowed = '127.0.0.1';

/** @throws {ShmTableError} ERR_FORBIDDEN when the Host of a TCP request is not a loopback address */
function refuseForeignHost(request: FastifyRequest): void {
  const { host } = request.headers;
  if (host === allowed) return;
  const name = host === undefined ? undefined : HOST.exec(host)?.[1];
  if (host !== undefined && name !== undefined && LOOPBACK_NAMES.has(name.toLowerCase())) {
    allowed = host;
    return;
  }
  throw new ShmTableError(
    'ERR_FORBIDDEN',
    `Host must be one of ${[...LOOPBACK_NAMES].join(', ')} on a service without tokens, got ${show(host)}`,
  );
}
