/**
 * Who may ask for what. With tokens, every route but the public ones takes a token of its scope; without, everything is
 * allowed to whoever reaches the service, which web pages may not. Each route says what it takes in `config.scope`.
 */
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { hook } from '../request-hooks.js';
import type { RoutesApp } from '../service-routes.js';
import { SCOPES, type Scope, type TokenSettings } from '../settings/security-schema.js';
import { refuseForeignHost } from './host-guard.js';
import { TokenList } from './token-list.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a token must allow; `none`: no token is needed. */
    scope?: Scope | 'none';
    /** What a token must allow as well, by what the request's body asks for. */
    scopeOfBody?: (body: unknown) => Scope;
  }
  interface FastifyRequest {
    /** Whose request it is; undefined for nobody's, and without tokens. */
    token: TokenSettings | undefined;
  }
}

const REALM = 'Bearer realm="shmtable"';

/** Finds out whose request it is, and refuses nothing yet. */
export function identifyRequests(app: RoutesApp, tokens: readonly TokenSettings[] | undefined): void {
  app.decorateRequest('token');
  if (tokens === undefined) return;
  const list = new TokenList(tokens);
  app.addHook(
    'onRequest',
    hook((request) => {
      request.token = list.find(request.headers.authorization);
    }),
  );
}

/** Refuses what nobody, or the token's owner, may ask for; routes are to be registered after this. */
export function refuseUnauthorized(app: RoutesApp, withTokens: boolean): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  // Not before: hooks of the instances below, which may set it, come after this one.
  app.addHook('onReady', async () => {
    for (const { method, url, config } of routes) {
      if (config?.scope === undefined) throw new ShmTableError('ERR_INTERNAL', `route ${method} ${url} has no scope`);
    }
  });
  if (!withTokens) {
    app.addHook('onRequest', hook(refuseForeignHost));
    return;
  }
  app.addHook(
    'onRequest',
    hook((request, reply) => {
      const { scope = 'admin' } = request.routeOptions.config;
      // What no route takes is no secret: the routes are public.
      if (scope !== 'none' && !request.is404) authorize(request, reply, scope);
    }),
  );
  app.addHook(
    'preHandler',
    hook((request, reply) => {
      const { scopeOfBody } = request.routeOptions.config;
      if (scopeOfBody !== undefined) authorize(request, reply, scopeOfBody(request.body));
    }),
  );
}

/** Throws ERR_UNAUTHENTICATED without a token that is known, ERR_FORBIDDEN for one that allows less. */
function authorize(request: FastifyRequest, reply: FastifyReply, scope: Scope): void {
  const { token } = request;
  if (token === undefined) {
    const { authorization } = request.headers;
    request.log.info({ remoteAddress: request.raw.socket.remoteAddress }, 'request without a valid token refused');
    reply.header('WWW-Authenticate', authorization === undefined ? REALM : `${REALM}, error="invalid_token"`);
    throw new ShmTableError(
      'ERR_UNAUTHENTICATED',
      authorization === undefined
        ? 'the request needs an Authorization header with a Bearer token'
        : 'the Authorization header has no Bearer token that the service knows',
    );
  }
  if (SCOPES.indexOf(token.scope) < SCOPES.indexOf(scope)) {
    request.log.info({ token: token.name, scope: token.scope, needs: scope }, 'request beyond the token refused');
    reply.header('WWW-Authenticate', `${REALM}, error="insufficient_scope", scope="${scope}"`);
    throw new ShmTableError(
      'ERR_FORBIDDEN',
      `the request needs a token of scope ${scope}; that of ${token.name} has scope ${token.scope}`,
    );
  }
}
