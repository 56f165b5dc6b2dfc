/** Shared by the route files: the type of the Fastify instance, and routes whose path contains a key. Their handlers are
 * not async functions, because they await nothing: a promise for each request would cost more than reading a row.
 */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  ContextConfigDefault,
  FastifyBaseLogger,
  FastifyInstance,
  FastifySchema,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
  RouteGenericInterface,
  RouteOptions,
} from 'fastify';

export type RoutesApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** As Fastify would complete it for every response. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** A key of 255 bytes, each percent-encoded. */
const MAX_KEY_IN_PATH = 3 * 255;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The path pattern for reading the parameters, where it differs from the router's. */
    pattern?: string;
  }
}

/**
 * Registers a route whose path contains `:key`. The app of a user of the plugin may limit parameters to fewer
 * characters than a key can have (Fastify's default is 100), but not wildcards, so a second route with a wildcard
 * accepts longer keys.
 */
export function routeByKey<Schema extends FastifySchema>(
  app: RoutesApp,
  options: RouteOptions<
    RawServerDefault,
    RawRequestDefaultExpression,
    RawReplyDefaultExpression,
    RouteGenericInterface,
    ContextConfigDefault,
    Schema,
    TypeBoxTypeProvider
  >,
): void {
  app.route(options);
  if ((app.initialConfig.routerOptions?.maxParamLength ?? 0) >= MAX_KEY_IN_PATH) return;
  app.route({
    ...options,
    url: options.url.slice(0, options.url.indexOf(':key')).concat('*'),
    schema: { ...options.schema, hide: true } as Schema,
    config: { ...options.config, pattern: app.prefix + options.url },
  });
}
