/** Security headers, which keep browsers from rendering or framing a response or guessing its type. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import { hook } from '../request-hooks.js';
import type { RoutesApp } from '../service-routes.js';

const HSTS_MAX_AGE_S = 180 * 24 * 60 * 60;

/**
 * The headers of every response, which suffice for documents that are not pages. Pages need more, but each header takes
 * a hundredth of the time of a request.
 */
export function protectiveHeaders(overTls: boolean): Record<string, string> {
  return {
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    // Only meaningful over TLS; does not include other services on subdomains.
    ...(overTls && { 'strict-transport-security': `max-age=${HSTS_MAX_AGE_S}` }),
  };
}

/** Adds the headers of a page, except for its policy, to the responses of an instance with pages. */
export function protectPages(app: RoutesApp): void {
  const headers = headersOf(helmet({ contentSecurityPolicy: false, strictTransportSecurity: false }));
  app.addHook(
    'onRequest',
    hook((_request, reply) => {
      reply.headers(headers);
    }),
  );
}

/** The headers that a middleware sets regardless of the request. */
function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  middleware(request, response, () => undefined);
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}

/** Allows what the docs page loads: its own scripts, styles and images; some styles and icons are inline. */
export const DOCS_POLICY = {
  'default-src': ["'none'"],
  'base-uri': ["'none'"],
  'connect-src': ["'self'"],
  'font-src': ["'self'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
  'img-src': ["'self'", 'data:'],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
};

/** Allows what the console loads: its own script, style sheet and icon, and the routes of its service. Nothing inline. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');
