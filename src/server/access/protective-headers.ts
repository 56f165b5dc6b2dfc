/** Headers that keep browsers from taking an answer for more than it is. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import { hook } from '../request-hooks.js';
import type { RoutesApp } from '../service-routes.js';

const HSTS_MAX_AGE_S = 180 * 24 * 60 * 60;

/** For every answer; the page of the docs has a policy of its own, which lets it load what it needs from here. */
export function addProtectiveHeaders(app: RoutesApp, overTls: boolean): void {
  // Asked once: for each request anew, as a middleware, they would cost as much as half of a row's reading.
  const headers = headersOf(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
      // Means something over TLS only; other services of this host are none of ours, those of its subdomains even less.
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

/** What a middleware sets that looks at nothing of the request. */
function headersOf(middleware: ReturnType<typeof helmet>): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  middleware(request, response, () => undefined);
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}

/** What the page of the docs loads: its own scripts, styles and images; some of its styles and icons stand inline. */
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
