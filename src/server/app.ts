/** Builds the Fastify app of a worker: the table routes, health, docs, and errors in one form. */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { LogController } from 'fastify';
import { identifyRequests, refuseUnauthorized } from './access/access-control.js';
import { AccessTokens } from './access/access-tokens.js';
import { allowOrigins } from './access/cross-origin.js';
import { hostGuard } from './access/host-guard.js';
import { limitRequests } from './access/request-limit.js';
import { trustOf } from './access/trusted-proxies.js';
import { RequestLog } from './access-log.js';
import { collectRoutes, serveDocs } from './api-docs.js';
import { ClientErrors } from './client-errors.js';
import { ClusterTables } from './cluster-tables.js';
import { ConfiguredTables } from './configured-tables.js';
import { ConnectionDrain } from './connection-drain.js';
import { limitConnections } from './connection-limit.js';
import { serveConsole } from './console-page.js';
import { commonHeaders, createHttpServer, MAX_HEADER_BYTES, UNREAD_PER_ARRIVAL } from './http-server.js';
import { KnownPaths } from './known-paths.js';
import { ProcessReports } from './metrics/process-reports.js';
import { RequestMetrics } from './metrics/request-metrics.js';
import { Overview } from './overview/overview.js';
import { shmtablePlugin } from './plugin.js';
import { sendProblem } from './problems.js';
import { hook, type Step } from './request-hooks.js';
import { requestId } from './request-ids.js';
import { lazyLog } from './request-log.js';
import { parseTarget } from './request-target.js';
import { healthRoutes } from './routes/health.js';
import { metricsRoutes } from './routes/metrics.js';
import { schemaController } from './schema-compilers.js';
import { createLog } from './service-log.js';
import { ServiceMemory } from './service-memory.js';
import type { RoutesApp } from './service-routes.js';
import type { ServiceSettings } from './settings/settings-schema.js';
import { sharedTables } from './settings/table-schema.js';
import { tokensInForce } from './settings/tokens-in-force.js';
import { SnapshotFiles } from './snapshot-files.js';
import { SnapshotTaker } from './snapshot-taker.js';
import { endUnread } from './unread-responses.js';

/** What an app shares with the process that runs it. */
interface AppSurroundings {
  /** Ends its connections when it closes. */
  readonly drain?: ConnectionDrain;
  /** The accepted tokens, which may change; by default those of the settings. */
  readonly tokens?: AccessTokens | undefined;
  /** Shared memory for its metrics and events; by default private memory. */
  readonly memory?: ServiceMemory;
}

/** The tokens in force; undefined if none are needed. */
export function accessTokens(settings: ServiceSettings): AccessTokens | undefined {
  const inForce = tokensInForce(settings);
  return inForce && new AccessTokens(inForce);
}

/** Creates the app, ready for `listen` or `inject`. */
export async function buildApp(
  settings: ServiceSettings,
  {
    drain = new ConnectionDrain(),
    memory = ServiceMemory.createPrivate(),
    tokens = accessTokens(settings),
  }: AppSurroundings = {},
): Promise<RoutesApp> {
  const log = createLog(settings.logLevel);
  const metrics = new RequestMetrics(memory, log);
  const requests = new RequestLog(log, settings.accessLog);
  const clientErrors = new ClientErrors(commonHeaders(settings));
  /** Notes every request, before the steps that may reject it, so that rejected requests are counted and logged too. */
  const note: Step = (request, { raw: response }) => {
    const { config } = request.routeOptions;
    // Of an unknown path: Fastify checks the type of a body first.
    if (config.scope === undefined) delete request.raw.headers['content-type'];
    metrics.note(config, response);
    requests.note(config, request, response);
  };
  const app = Fastify({
    // With one, Fastify would listen for the end of each response to log it.
    logger: false,
    // A log line for each request costs more than the request.
    logController: new LogController({ disableRequestLogging: true }),
    // A draining worker still serves the requests that reach it.
    return503OnClosing: false,
    // It also applies to the end, which lasts as long as the requests: after 10 s it would be an uncaught exception.
    pluginTimeout: 0,
    ...(settings.trustedProxies !== undefined && { trustProxy: trustOf(settings.trustedProxies) }),
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    schemaController,
    serverFactory: (listener) =>
      createHttpServer(listener, settings, clientErrors, {
        isLast: () => drain.begun,
        ended: (response) => {
          metrics.ended(response);
          drain.responded();
        },
      }),
    genReqId: requestId,
    // For a path that cannot be decoded Fastify calls no hooks.
    frameworkErrors: (error, request, reply) => {
      note(request, reply);
      sendProblem(error, request, reply);
    },
    clientErrorHandler: (error, socket) => clientErrors.answer(error, socket),
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setChildLoggerFactory((_none, bindings, options) => lazyLog(() => log.child(bindings, options)));
  // The routes outside of the plugin take no bodies, so none makes a request to an unknown path invalid.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => {
    body.resume();
    done(null);
  });
  drain.watch(app);
  const stopLooking = endUnread(drain.sockets, UNREAD_PER_ARRIVAL * settings.limits.requestTimeoutMs);
  app.addHook('onClose', async () => stopLooking());
  app.addHook('onClose', async () => memory.close());

  metrics.watch(app);
  const paths = new KnownPaths();
  app.addHook('onRoute', (route) => {
    if (route.url !== '*') paths.add(route.url, route.method);
  });
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    throw paths.refuse(request.method, parseTarget(request.raw.url ?? '').path);
  });

  const onTcp = settings.socket === undefined;
  app.addHook('onRequest', hook(note, ...hostGuard({ onTcp, withTokens: tokens !== undefined })));
  if (settings.cors !== undefined) await allowOrigins(app, settings.cors, paths);
  identifyRequests(app, tokens);
  if (settings.rateLimit !== undefined) await limitRequests(app, settings.rateLimit, settings);
  refuseUnauthorized(app, tokens);

  await collectRoutes(app);
  app.decorate('noteAlteration', (table, { rows, bytes, durationMs, heldMs }) => {
    log.info({ table, rows, bytes, durationMs, heldMs }, 'table altered');
    memory.events.add({ type: 'alteration', worker: process.pid, table, rows, heldMs });
  });
  if (settings.snapshots !== undefined) {
    const files = new SnapshotFiles(settings.snapshots.dir);
    const taker = new SnapshotTaker(settings.snapshots, log, memory);
    app.decorate('noteDeletion', (table) => files.noteDeletion(table));
    app.decorate('takeSnapshot', (handles, table) => taker.take(handles, table));
  }
  const reports = new ProcessReports(settings);
  app.addHook('onReady', async () =>
    reports.start('worker', memory.instance, () => ({ connections: drain.connections, ...metrics.load })),
  );
  app.addHook('onClose', async () => reports.close());
  const inCluster = ClusterTables.of(settings, { log, memory });
  const overview = new Overview({ namespace: settings.namespace, memory, reports, inCluster });
  app.addHook('preClose', async () => overview.close());
  app.decorate('overview', overview);
  if (inCluster !== undefined) {
    app.decorate('clusterTables', inCluster);
    app.addHook('onReady', () => inCluster.open());
    app.addHook('onClose', () => inCluster.close());
  }
  await app.register(shmtablePlugin, {
    namespace: settings.namespace,
    bodyLimit: settings.limits.bodyBytes,
    answerBytes: settings.limits.answerBytes,
    locations: sharedTables(settings.tables),
    publicUrl: settings.publicUrl,
  });
  const configured = new ConfiguredTables(settings, inCluster);
  app.addHook('onClose', async () => configured.close());
  healthRoutes(app, drain, configured);
  metricsRoutes(app, { memory, reports, settings, inCluster });
  await serveDocs(app, settings);
  if (settings.ui) await serveConsole(app);
  await drain.finish(app);
  limitConnections(app.server, {
    limit: settings.limits.connections,
    refuse: settings.tls === undefined ? (socket, limit) => clientErrors.refuseConnection(socket, limit) : undefined,
    onTcp,
    log,
  });
  return app;
}
