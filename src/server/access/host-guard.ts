/**
 * Keeps web pages away from a service that listens on loopback without tokens. A page's script can reach 127.0.0.1
 * under a name of the page's own (DNS rebinding); the Host header then holds that name. Unix sockets have no such way in.
 */
import type { FastifyRequest } from 'fastify';
import { ShmTableError, show } from '../../errors.js';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);
const HOST = /^(\[[^\]]*\]|[^:]*)(?::[0-9]*)?$/;

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === '::1' || LOOPBACK_NAMES.has(host.toLowerCase());
}

/** Throws ERR_ARGUMENT for a TCP request without the Host that HTTP wants, or with several. */
export function refuseMalformedHost(request: FastifyRequest): void {
  if (request.raw.socket.remoteAddress === undefined) return;
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
    throw new ShmTableError('ERR_ARGUMENT', 'a HTTP/1.1 request needs a Host header');
  }
  if (request.raw.rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length > 1) {
    throw new ShmTableError('ERR_ARGUMENT', 'a request has one Host header');
  }
}

/** Throws ERR_FORBIDDEN for a TCP request whose Host names no loopback address. */
export function refuseForeignHost(request: FastifyRequest): void {
  if (request.raw.socket.remoteAddress === undefined) return;
  const { host } = request.headers;
  const name = host === undefined ? undefined : HOST.exec(host)?.[1];
  if (name !== undefined && LOOPBACK_NAMES.has(name.toLowerCase())) return;
  throw new ShmTableError(
    'ERR_FORBIDDEN',
    `Host ${show(host)} is none of ${[...LOOPBACK_NAMES].join(', ')}; a service without tokens answers to these only`,
  );
}
