/** Builds the Fastify app that a worker serves: the table routes, health, docs, and refusals in one form. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { LogController } from 'fastify';
import { identifyRequests, refuseUnauthorized } from './access/access-control.js';
import { refuseMalformedHost } from './access/host-guard.js';
import { collectRoutes, serveDocs } from './api-docs.js';
import { answerClientError, answerUnknownExpectation } from './client-errors.js';
import { ConnectionDrain } from './connection-drain.js';
import { KnownPaths } from './known-paths.js';
import { shmtablePlugin } from './plugin.js';
import { sendProblem } from './problems.js';
import { parseTarget } from './request-target.js';
import { requestValidation } from './request-validation.js';
import { healthRoutes } from './routes/health.js';
import type { RoutesApp } from './service-routes.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { tokensInForce } from './settings/tokens-in-force.js';

/** Room for a key of 255 percent-encoded bytes, and for longer ones, which are then refused by name. */
const MAX_HEADER_BYTES = 32 * 1024;

/** The app, ready for `listen` or `inject`; `drain` is how its connections end when it closes. */
export async function buildApp(settings: ServiceSettings, drain = new ConnectionDrain()): Promise<RoutesApp> {
  const app = Fastify({
    logger: { level: settings.logLevel },
    // A line per request costs more than the request.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: settings.limits.bodyBytes,
    requestTimeout: settings.limits.requestTimeoutMs,
    // While it drains, a worker still answers what reaches it; nobody is refused.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    // Without a Host, Node would answer by itself, and not with a problem document.
    http: { requireHostHeader: false, maxHeaderSize: MAX_HEADER_BYTES },
    frameworkErrors: sendProblem,
    clientErrorHandler: answerClientError,
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.server.on('checkExpectation', answerUnknownExpectation);
  drain.watch(app);

  const paths = new KnownPaths();
  app.addHook('onRoute', (route) => paths.add(route.url, route.method));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('Shm-Worker', process.pid);
    refuseMalformedHost(request);
  });
  const tokens = tokensInForce(settings);
  identifyRequests(app, tokens);
  refuseUnauthorized(app, tokens !== undefined);
  app.setValidatorCompiler(requestValidation());
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw paths.refuse(request.method, parseTarget(request.raw.url ?? '').path);
  });

  await collectRoutes(app);
  await app.register(shmtablePlugin, {
    namespace: settings.namespace,
    bodyLimit: settings.limits.bodyBytes,
    locations: settings.tables,
  });
  healthRoutes(app, drain);
  await serveDocs(app);
  await drain.finish(app);
  return app;
}
