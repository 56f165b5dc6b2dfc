/** Allows cross-origin requests (CORS). */
import cors from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import type { KnownPaths } from '../known-paths.js';
import { hook } from '../request-hooks.js';
import { parseTarget } from '../request-target.js';
import type { RoutesApp } from '../service-routes.js';
import type { CorsSettings } from '../settings/security-schema.js';

/** Response headers that pages may read, besides those that browsers always allow. */
const EXPOSED = [
  'ETag',
  'Location',
  'Retry-After',
  'WWW-Authenticate',
  'Allow',
  'Shm-Worker',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
];
const PREFLIGHT_AGE_S = 600;

/** Responds to preflight requests before tokens are checked, because browsers send none with them. */
export async function allowOrigins(app: RoutesApp, { origin }: CorsSettings, paths: KnownPaths): Promise<void> {
  // The plugin treats every OPTIONS request as a preflight; any other has a method without a route.
  app.addHook(
    'onRequest',
    hook((request) => {
      if (request.method === 'OPTIONS' && !isPreflight(request)) {
        throw paths.refuse('OPTIONS', parseTarget(request.raw.url ?? '').path);
      }
    }),
  );
  await app.register(cors, {
    origin,
    methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_AGE_S,
  });
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
