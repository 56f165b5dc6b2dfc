/**
 * Limits the request rate of each client. Requests are counted in a table that all workers share, by the name of the
 * token or, without one, by the client's address. A window begins with the client's first request.
 */
import rateLimit, { type FastifyRateLimitStore, normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { engineOf } from '../../table/engine.js';
import { errorOf } from '../request-hooks.js';
import type { RoutesApp } from '../service-routes.js';
import type { RateLimitSettings } from '../settings/security-schema.js';
import type { ServiceSettings } from '../settings/settings-schema.js';
import { type CountsTable, openCounts } from './request-counts.js';
import { clientAddress } from './trusted-proxies.js';

/** Addresses of one network differ only in later bits. */
const IPV6_PREFIX_BITS = 64;

/**
 * Counts and limits all requests except of routes with `config.rateLimit: false`. Clients must be identified before.
 */
export async function limitRequests(
  app: RoutesApp,
  { max, windowMs }: RateLimitSettings,
  service: Pick<ServiceSettings, 'namespace' | 'workers'>,
): Promise<void> {
  const counts = openCounts(service);
  app.addHook('onClose', async () => counts.close());

  class SharedStore implements FastifyRateLimitStore {
    incr(client: string, done: (error: Error | null, result?: { current: number; ttl: number }) => void): void {
      let result: { current: number; ttl: number };
      try {
        result = count(counts, client, windowMs);
      } catch (error) {
        done(errorOf(error));
        return;
      }
      done(null, result);
    }

    child(): FastifyRateLimitStore {
      return this;
    }
  }

  await app.register(rateLimit, {
    // The plugin's own hooks would run after access control and leave attempts to guess a token uncounted.
    global: false,
    max,
    timeWindow: windowMs,
    store: SharedStore,
    keyGenerator: clientOf,
    allowList: (request) => request.routeOptions.config.rateLimit === false,
    errorResponseBuilder: (request, { ttl }) =>
      new ShmTableError(
        'ERR_RATE_LIMITED',
        `${clientOf(request)} has sent more than ${max} requests in ${windowMs} ms; the next window begins in ${ttl} ms`,
      ),
  });
  app.addHook('onRequest', app.rateLimit());
}

/** Counts a request. The first one of a window creates the row, whose lifetime is the window. */
function count(counts: CountsTable, client: string, windowMs: number): { current: number; ttl: number } {
  const { value, msLeft } = engineOf(counts).count(client, 'requests', 1, windowMs);
  return { current: value as number, ttl: msLeft };
}

function clientOf(request: FastifyRequest): string {
  const { token } = request;
  if (token !== undefined) return `token ${token.name}`;
  // Clients of a Unix socket have no address.
  const ip = clientAddress(request);
  return ip === undefined ? 'socket' : `address ${normalizeIP(ip, IPV6_PREFIX_BITS)}`;
}
