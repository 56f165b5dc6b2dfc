/** What the OpenAPI document says of who may ask: the scheme, and for each route its scope and its refusals. */
import type { RouteOptions } from 'fastify';
import { problemResponse } from '../route-problems.js';

export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'A token that the service was configured with: `Authorization: Bearer <token>`, never in the query. Scope admin ' +
      'includes write, write includes read. A service without tokens listens on loopback or a Unix socket only, and ' +
      'allows everything.',
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
