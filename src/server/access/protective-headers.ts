/** Security headers, which keep browsers from rendering or framing a response or guessing its type. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import { hook } from '../request-hooks.js';
import type { RoutesApp } from '../service-routes.js';

const HSTS_MAX_AGE_S = 180 * 24 * 60 * 60;

/** Added to every response. The docs page has its own policy, which allows its scripts, styles and images. */
export function addProtectiveHeaders(app: RoutesApp, overTls: boolean): void {
  // Computed once: as middleware, for each request, they would cost half as much as reading a row.
  const headers = headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
      // Only meaningful over TLS; does not include other services on subdomains.
      strictTransportSecurity: overTls ? { maxAge: HSTS_MAX_AGE_S, includeSubDomains: false } : false,
    }),
  );
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

/** What the docs page loads: its own scripts, styles and images; some styles and icons are inline. */
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
