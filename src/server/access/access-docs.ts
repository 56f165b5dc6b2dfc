/** Access control in the OpenAPI document: the security scheme, and the scope and 401 response of each route. */
import type { RouteOptions } from 'fastify';
import { problemResponse } from '../route-problems.js';

export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'One of the configured tokens, sent as `Authorization: Bearer <token>`; never put it in the query string. The ' +
      'scope admin includes write, and write includes read. A service without tokens listens on a loopback address ' +
      'or a Unix socket only and allows every request.',
  },
} as const;

const refusal = { 401: problemResponse(401, ['ERR_UNAUTHENTICATED']) };

/** Completes the schema of a route from its `config.scope`. */
export function describeAccess(route: RouteOptions): void {
  const { scope } = route.config ?? {};
  if (scope === undefined || route.schema === undefined) return;
  const response = Object.assign({}, route.schema.response);
  route.schema =
    scope === 'none'
      ? { ...route.schema, security: [] }
      : { ...route.schema, security: [{ bearer: [scope] }], response: { ...response, ...refusal } };
}
