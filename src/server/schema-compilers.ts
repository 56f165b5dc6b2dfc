/**
 * What Fastify makes of the routes' schemas. Ajv and fast-json-stringify, which it would load and compile them with otherwise,
 * cost each process 0.2 s of processor time at its start.
 */
import type { FastifySerializerCompiler, FastifyServerOptions } from 'fastify';
import { requestValidation } from './request-validation.js';

/** Handlers return what the schemas of their responses say: TypeScript checks it, and the tests check what is sent. */
export const asJson: FastifySerializerCompiler<unknown> = () => JSON.stringify;

/** The option of that name; its type knows Ajv and fast-json-stringify only, so it is stated and not derived. */
export const schemaController: NonNullable<FastifyServerOptions['schemaController']> = Object({
  compilersFactory: { buildValidator: () => requestValidation(), buildSerializer: () => asJson },
});
