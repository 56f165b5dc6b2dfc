/**
 * The service's routes as a Fastify plugin, for your own app:
 *
 *   import shmtable from 'shmtable/fastify';
 *   await app.register(shmtable, { namespace: 'shop', prefix: '/tables' });
 *
 * It is encapsulated: it has its own body parsers, validation, error and not-found handlers, and does not affect the
 * app's other routes.
 */

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { checkOptions } from '../memory/index.js';
import { TABLE_OPTIONS } from '../table/option-names.js';
import { BodyLimits } from './bodies/body-limits.js';
import { acceptJsonBodies, forgetTypeOfNoBody } from './bodies/request-bodies.js';
import type { ClusterTables } from './cluster-tables.js';
import { EventStreams } from './event-stream.js';
import { Type } from './json-schema.js';
import { KnownPaths } from './known-paths.js';
import { sendProblem } from './problems.js';
import { addRouteHook, hook } from './request-hooks.js';
import { PathPattern, parseQuery, parseTarget, type RequestTarget } from './request-target.js';
import { requestValidation } from './request-validation.js';
import { sharedSchemas } from './route-schemas.js';
import { batchRoutes } from './routes/batch.js';
import { changesRoutes } from './routes/changes.js';
import { distributionRoutes } from './routes/distribution.js';
import { incrementRoutes } from './routes/increment.js';
import { keysRoutes } from './routes/keys.js';
import { overviewRoutes } from './routes/overview.js';
import { rowRoutes } from './routes/row.js';
import { rowLinesRoutes } from './routes/row-lines.js';
import { rowsRoutes } from './routes/rows.js';
import { tableRoutes } from './routes/table.js';
import { tablesRoutes } from './routes/tables.js';
import { asJson } from './schema-compilers.js';
import { PLUGIN_DEFAULTS } from './settings/defaults.js';
import { TableHandles, type TableLocation } from './table-handles.js';

export type { TableLocation };

export interface ShmTablePluginOptions {
  /** Namespace of the tables. Default: environment variable `SHMTABLE_NAMESPACE`, or `default`. */
  readonly namespace?: string | undefined;
  /** Maximum wait for a row's lock in milliseconds, during which the event loop is blocked. Default 250. */
  readonly lockTimeoutMs?: number | undefined;
  /** Minimum body limit of every route in bytes; a route whose own limit is higher keeps that. Default 0. */
  readonly bodyLimit?: number | undefined;
  /** Bytes of rows after which a page or the results of a batch end. Default 8 MiB. */
  readonly answerBytes?: number | undefined;
  /** Backends and paths of tables that `Table.open` does not find by name alone. */
  readonly locations?: Readonly<Record<string, TableLocation>> | undefined;
  /** The URL before `/v1` in the `Location` of what is created, if clients reach the routes under another URL. */
  readonly publicUrl?: string | undefined;
  /** Interval between comments in a stream of changes, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The configured tables in clusters; undefined if there are none, and in the app of a user. */
    clusterTables?: ClusterTables;
  }
  interface FastifyRequest {
    target: RequestTarget;
  }
}

const pluginOptions: Record<keyof ShmTablePluginOptions, true> = {
  namespace: true,
  lockTimeoutMs: true,
  bodyLimit: true,
  answerBytes: true,
  locations: true,
  heartbeatMs: true,
  publicUrl: true,
};
/** Also the options that `register` handles itself and passes on. */
const PLUGIN_OPTIONS = [...Object.keys(pluginOptions), 'prefix', 'logLevel', 'logSerializers'];

/** @throws {ShmTableError} ERR_ARGUMENT when an option is unknown */
export const shmtablePlugin: FastifyPluginAsync<ShmTablePluginOptions> = async (instance, options) => {
  checkOptions(options, PLUGIN_OPTIONS);
  for (const location of Object.values(options.locations ?? {})) checkOptions(location, TABLE_OPTIONS);
  const handles = new TableHandles({
    namespace: options.namespace,
    lockTimeoutMs: options.lockTimeoutMs ?? PLUGIN_DEFAULTS.lockTimeoutMs,
    locations: options.locations,
    inCluster: instance.clusterTables,
  });
  const streams = new EventStreams(options.heartbeatMs ?? PLUGIN_DEFAULTS.heartbeatMs);
  // Before the server waits for its connections to end: streams do not end by themselves.
  instance.addHook('preClose', async () => streams.close());
  instance.addHook('onClose', async () => handles.close());
  const { bodyLimit = PLUGIN_DEFAULTS.bodyLimit, answerBytes = PLUGIN_DEFAULTS.answerBytes } = options;
  const limits = { bodyLimit, answerBytes };
  const publicUrl = options.publicUrl ?? '';
  await instance.register((app) => versionOne(app, { handles, streams, limits, publicUrl }), { prefix: '/v1' });
};

// biome-ignore lint/style/noDefaultExport: `register(import('shmtable/fastify'))` takes the default export of a module.
export default shmtablePlugin;

interface Parts {
  readonly handles: TableHandles;
  readonly streams: EventStreams;
  readonly limits: { readonly bodyLimit: number; readonly answerBytes: number };
  readonly publicUrl: string;
}

async function versionOne(instance: FastifyInstance, { handles, streams, limits, publicUrl }: Parts): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const paths = new KnownPaths();
  app.addHook('onRoute', (route) => {
    if (route.config?.pattern === undefined) paths.add(route.url, route.method);
    // Without a schema the query would not be checked, and unknown parameters not rejected.
    route.schema = { querystring: Type.Object({}), ...route.schema };
    const pattern = new PathPattern(route.config?.pattern ?? route.url);
    addRouteHook(
      route,
      'onRequest',
      hook((request) => readTarget(request, pattern, paths)),
    );
  });
  for (const schema of sharedSchemas) {
    // The service has already added the schemas that its other routes share.
    if (app.getSchema(schema.$id) === undefined) app.addSchema(schema);
  }
  app.decorateRequest('target');
  app.addHook(
    'onRequest',
    hook((request) => {
      if (request.is404) throw paths.refuse(request.method, parseTarget(request.raw.url ?? '').path);
    }),
  );
  const bodyLimits = new BodyLimits(handles, limits.bodyLimit);
  acceptJsonBodies(app, bodyLimits);
  app.setValidatorCompiler(requestValidation());
  app.setSerializerCompiler(asJson);
  app.setErrorHandler(sendProblem);
  // The hook above has already rejected the request, but Fastify requires a handler.
  app.setNotFoundHandler((request) => {
    throw paths.refuse(request.method, parseTarget(request.raw.url ?? '').path);
  });

  tablesRoutes(app, handles);
  tableRoutes(app, handles, publicUrl);
  distributionRoutes(app, handles);
  rowsRoutes(app, handles, limits.answerBytes);
  rowLinesRoutes(app, handles, bodyLimits);
  keysRoutes(app, handles);
  rowRoutes(app, handles, publicUrl);
  incrementRoutes(app, handles);
  batchRoutes(app, handles, limits.answerBytes);
  changesRoutes(app, handles, streams);
  if (app.overview !== undefined) overviewRoutes(app, app.overview, streams);
}

/** Reads parameters and query from the request line before anything uses them. */
function readTarget(request: FastifyRequest, pattern: PathPattern, paths: KnownPaths): void {
  const target = parseTarget(request.raw.url ?? '');
  const { path, query } = target;
  const parameters = pattern.parametersOf(path);
  if (parameters === undefined || parameters.table === '') throw paths.refuse(request.method, path);
  request.target = target;
  request.params = parameters;
  request.query = parseQuery(query);
  forgetTypeOfNoBody(request);
}
