/** The OpenAPI document of the routes, and the page on which to read it and try the routes. */

import fastifySwagger, { type SwaggerTransform } from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import { describeAccess, securitySchemes } from './access/access-docs.js';
import { DOCS_POLICY, protectPages } from './access/protective-headers.js';
import { compressAnswer } from './compression.js';
import { problemSchema, serviceProblems } from './route-problems.js';
import { jsonAnswer } from './route-schemas.js';
import type { RoutesApp } from './service-routes.js';
import type { ServiceSettings } from './settings/settings-schema.js';

const DOCS = '/docs';

const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'shmtable',
    version: '1',
    description:
      'Typed hash tables in shared memory: every worker process reads and writes the same rows.\n\n' +
      'int64 values are decimal strings, NaN and the infinities are strings, and bytes are base64. Values are never ' +
      'coerced. Errors are problem documents (RFC 9457) with a stable `code`.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  components: { securitySchemes },
  tags: [
    { name: 'tables', description: 'The tables of the namespace' },
    { name: 'rows', description: 'The rows of a table' },
    { name: 'operation', description: 'Health, metrics and documentation of the service' },
  ],
};

/** Must be awaited before any route is registered: it collects routes as they are added, and they share its schema. */
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

/** The document that `/openapi.json` returns. */
export function openapiDocument(app: RoutesApp, publicUrl = '.'): object {
  return servedFrom(publicUrl, app.swagger());
}

/**
 * States where the routes are, relative to the address of the document, so that it is also correct behind a proxy that
 * serves them under a prefix. The option of @fastify/swagger accepts only absolute URLs and paths.
 */
function servedFrom(url: string, document: object): object {
  const { openapi, info, ...rest } = Object(document);
  return { openapi, info, servers: [{ url }], ...rest };
}

/** A response to HEAD is the response to GET without its body. */
const withoutHeadBodies: SwaggerTransform = ({ schema, url, route }) => {
  if (route.method !== 'HEAD') return { schema, url };
  const responses = Object.entries<object>(Object(schema?.response)).map(([status, response]) => {
    const { content: _, ...rest }: { content?: unknown } = response;
    return [status, { ...rest, type: 'null' }];
  });
  return { schema: { ...schema, response: Object.fromEntries(responses) }, url };
};

/** Serves `/openapi.json` and, if wanted, `/docs`. */
export async function serveDocs(
  app: RoutesApp,
  { docs, publicUrl }: Pick<ServiceSettings, 'docs' | 'publicUrl'>,
): Promise<void> {
  if (docs) await servePage(app, publicUrl);
  app.get(
    '/openapi.json',
    {
      onSend: compressAnswer,
      config: { scope: 'none' },
      schema: {
        operationId: 'openapi',
        tags: ['operation'],
        summary: 'Gets this document',
        response: {
          200: jsonAnswer<object>('The OpenAPI 3.1 document', { type: 'object', additionalProperties: true }),
          ...serviceProblems(),
        },
      },
    },
    async () => openapiDocument(app, publicUrl),
  );
}

async function servePage(app: RoutesApp, publicUrl: string | undefined): Promise<void> {
  await app.register(async (page) => {
    protectPages(page);
    page.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'none' };
      route.onSend = [compressAnswer, ...[route.onSend ?? []].flat()];
    });
    // Without a trailing slash in the path, the page's links are absolute; as relative ones they also work behind a
    // prefix.
    page.addHook('onSend', (request, _reply, payload, done) => {
      const isPage = typeof payload === 'string' && request.routeOptions.url === DOCS;
      done(null, isPage ? payload.replaceAll(`"${DOCS}/`, `".${DOCS}/`) : payload);
    });
    await page.register(fastifySwaggerUi, {
      routePrefix: DOCS,
      // The page loads the document from a path below its own.
      transformSpecification: (document) => servedFrom(publicUrl ?? '..', document),
      transformSpecificationClone: false,
      staticCSP: DOCS_POLICY,
      uiConfig: { displayOperationId: true, tryItOutEnabled: true },
    });
  });
}
