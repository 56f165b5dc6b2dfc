/**
 * Access control. With tokens, every route except the public ones requires a token with its scope. Without tokens,
 * every request that reaches the service is allowed, except those of web pages. Each route has its scope in
 * `config.scope`.
 */
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ShmTableError, show } from '../../errors.js';
import { addRouteHook, hook, type Step } from '../request-hooks.js';
import { PathPattern, parseTarget } from '../request-target.js';
import type { RoutesApp } from '../service-routes.js';
import { SCOPES, type Scope, type TokenSettings } from '../settings/security-schema.js';
import type { AccessTokens } from './access-tokens.js';
import { isForTable } from './token-tables.js';
import { clientAddress } from './trusted-proxies.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a token must have; `none` if no token is needed. */
    scope?: Scope | 'none';
    /** Whether the body decides which scope the token must also have: its reader calls `requireScope`. */
    scopeOfBody?: true;
    /** Whether the response may last long, and must end when its token is revoked or expires. */
    endsWithToken?: true;
  }
  interface FastifyRequest {
    /** Throws unless the token has this scope; undefined where there are no tokens. Only with `scopeOfBody`. */
    requireScope: ((scope: Scope) => void) | undefined;
    /** The token of the request; undefined if it has no valid one, or the service has no tokens. */
    token: TokenSettings | undefined;
    /** Whether the token was revoked or has expired since the request began. Only with `endsWithToken`. */
    isRevoked: boolean;
  }
}

const REALM = 'Bearer realm="shmtable"';

/** Identifies the client of a request; rejects nothing yet. */
export function identifyRequests(app: RoutesApp, tokens: AccessTokens | undefined): void {
  app.decorateRequest('token');
  app.decorateRequest('requireScope');
  app.decorateRequest('isRevoked', false);
  if (tokens === undefined) return;
  app.addHook(
    'onRequest',
    hook((request) => {
      request.token = tokens.find(request.headers.authorization);
    }),
  );
}

/** Rejects requests that the token does not allow. Routes must be registered after this. */
export function refuseUnauthorized(app: RoutesApp, tokens: AccessTokens | undefined): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
    if (tokens === undefined) return;
    const check = accessCheck(route, tokens);
    addRouteHook(route, 'onRequest', hook(check));
    if (route.method === 'GET' || route.method === 'HEAD') return;
    // The token may be revoked, or expire, while the body arrives.
    const checkAgain = hook((request, reply) => {
      if (request.token === undefined || tokens.isInForce(request.token)) return;
      request.token = tokens.find(request.headers.authorization);
      check(request, reply);
    });
    addRouteHook(route, 'preValidation', checkAgain);
  });
  // Not earlier, because hooks of child instances, which may set the scope, run after this one.
  app.addHook('onReady', async () => {
    for (const { method, url, config } of routes) {
      if (config?.scope === undefined) throw new ShmTableError('ERR_INTERNAL', `route ${method} ${url} has no scope`);
    }
  });
}

/** Unknown paths need no token, because the routes are public. */
function accessCheck(route: RouteOptions, tokens: AccessTokens): Step {
  let pattern: PathPattern | undefined;
  /** The table in the path, read exactly as the route does; undefined if the route concerns no single table. */
  const tableOf = ({ raw }: FastifyRequest): string | undefined => {
    // Not before the first request: hooks of child instances may set the pattern after this one was added.
    pattern ??= new PathPattern(route.config?.pattern ?? route.url);
    return pattern.parametersOf(parseTarget(raw.url ?? '').path)?.table;
  };
  return (request, reply) => {
    const { scope = 'admin', endsWithToken, scopeOfBody } = route.config ?? {};
    if (scope === 'none') return;
    const token = authorize(request, reply, scope);
    const table = token.tables === undefined ? undefined : tableOf(request);
    if (table !== undefined && !isForTable(token, table)) throw foreign(token, table);
    let needed = scope;
    if (endsWithToken) {
      const isAllowed = (now: TokenSettings): boolean =>
        includes(now, needed) && isForTable(now, tableOf(request) ?? '');
      const release = tokens.hold(token, isAllowed, () => {
        request.isRevoked = true;
        request.raw.socket.destroy();
      });
      reply.raw.once('close', release);
    }
    if (!scopeOfBody) return;
    request.requireScope = (scopeOfPart) => {
      authorize(request, reply, scopeOfPart);
      needed = scopeOfPart;
    };
  };
}

/**
 * Checks that the request has a token with this scope.
 *
 * @throws {ShmTableError} ERR_UNAUTHENTICATED when it has no known token; ERR_FORBIDDEN when its token lacks the scope
 */
function authorize(request: FastifyRequest, reply: FastifyReply, scope: Scope): TokenSettings {
  const { token } = request;
  if (token === undefined) {
    const { authorization } = request.headers;
    request.log.info({ remoteAddress: clientAddress(request) }, 'request without a valid token refused');
    reply.header('WWW-Authenticate', authorization === undefined ? REALM : `${REALM}, error="invalid_token"`);
    throw new ShmTableError(
      'ERR_UNAUTHENTICATED',
      authorization === undefined
        ? 'the request needs an Authorization header with a Bearer token'
        : 'the Authorization header has no Bearer token that the service knows and that has not expired',
    );
  }
  if (!includes(token, scope)) {
    request.log.info(
      { token: token.name, scope: token.scope, needs: scope },
      'request beyond the scope of its token refused',
    );
    reply.header('WWW-Authenticate', `${REALM}, error="insufficient_scope", scope="${scope}"`);
    throw new ShmTableError(
      'ERR_FORBIDDEN',
      `the scope of the token must be ${scope}, got ${token.scope} (token ${token.name})`,
    );
  }
  return token;
}

function includes(token: TokenSettings, scope: Scope): boolean {
  return SCOPES.indexOf(token.scope) >= SCOPES.indexOf(scope);
}

/** The same error whether or not the table exists. */
function foreign({ name, tables = [] }: TokenSettings, table: string): ShmTableError {
  const list = tables.length > 5 ? `${tables.slice(0, 5).join(', ')} and others` : tables.join(', ');
  return new ShmTableError('ERR_FORBIDDEN', `token ${name} is valid for ${list}, not for ${show(table)}`);
}
