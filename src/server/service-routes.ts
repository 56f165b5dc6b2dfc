/** What the route files share: the typed Fastify instance they register on, and routes whose path ends in a key. */

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

/** A key of 255 bytes, each percent-encoded. */
const MAX_KEY_IN_PATH = 3 * 255;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The path pattern to read the parameters by, where the router's own is another one. */
    pattern?: string;
  }
}

/**
 * Registers a route whose path holds `:key`. An app of somebody else's may limit parameters to fewer characters than
 * a key has (Fastify's default is 100) - but never wildcards: there, the route gets one that takes the longer keys.
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
