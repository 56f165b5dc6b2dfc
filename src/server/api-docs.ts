/** The OpenAPI document of the routes, and the page to read and try it. */
import fastifySwagger, { type SwaggerTransform } from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import { describeAccess, securitySchemes } from './access/access-docs.js';
import { DOCS_POLICY } from './access/protective-headers.js';
import { problemSchema, serviceProblems } from './route-problems.js';
import { jsonAnswer } from './route-schemas.js';
import type { RoutesApp } from './service-routes.js';

const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'shmtable',
    version: '1',
    description:
      'A typed hash table in shared memory: every worker reads and writes the same rows.\n\n' +
      'int64 values are decimal strings, NaN and infinities are strings, bytes are base64. Nothing is coerced. ' +
      'Errors are problem documents (RFC 9457) with a stable `code`.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  // Relative: the document is true wherever it is served from.
  servers: [{ url: '/' }],
  components: { securitySchemes },
  tags: [
    { name: 'tables', description: 'Tables of the namespace' },
    { name: 'rows', description: 'Rows of a table' },
    { name: 'operation', description: 'The service itself' },
  ],
};

/** To be awaited before any route is registered: routes are collected as they come, and refer to a shared schema. */
export async function collectRoutes(app: RoutesApp): Promise<void> {
  app.addHook('onRoute', describeAccess);
  app.addSchema(problemSchema);
  await app.register(fastifySwagger, {
    openapi,
    exposeHeadRoutes: true,
    transform: withoutHeadBodies,
    refResolver: { buildLocalReference: (schema, _uri, _fragment, index) => String(schema.$id ?? `Schema${index}`) },
  });
}

/** The answer to HEAD is that to GET without its body. */
const withoutHeadBodies: SwaggerTransform = ({ schema, url, route }) => {
  if (route.method !== 'HEAD') return { schema, url };
  const responses = Object.entries<object>(Object(schema?.response)).map(([status, response]) => {
    const { content: _, ...rest }: { content?: unknown } = response;
    return [status, { ...rest, type: 'null' }];
  });
  return { schema: { ...schema, response: Object.fromEntries(responses) }, url };
};

/** Serves `/docs` and `/openapi.json`. */
export async function serveDocs(app: RoutesApp): Promise<void> {
  await app.register(async (page) => {
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'none' };
    });
    await page.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: DOCS_POLICY,
      uiConfig: { displayOperationId: true, tryItOutEnabled: true },
    });
  });
  app.get(
    '/openapi.json',
    {
      config: { scope: 'none' },
      schema: {
        operationId: 'openapi',
        tags: ['operation'],
        summary: 'This document',
        response: {
          200: jsonAnswer<object>('OpenAPI 3.1', { type: 'object', additionalProperties: true }),
          ...serviceProblems(),
        },
      },
    },
    async () => app.swagger(),
  );
}
