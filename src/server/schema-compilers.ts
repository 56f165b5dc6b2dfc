/**
 * The compilers for the routes' schemas. Without them, Fastify would load Ajv and fast-json-stringify, which take 0.2 s
 * of processor time when a process starts.
 */
import type { FastifySerializerCompiler, FastifyServerOptions } from 'fastify';
import { requestValidation } from './request-validation.js';

/** Responses are not checked at run time: TypeScript checks what handlers return, and the tests check what is sent. */
export const asJson: FastifySerializerCompiler<unknown> = () => JSON.stringify;

/** The Fastify option of that name. Its type supports only Ajv and fast-json-stringify, so this one is cast. */
export const schemaController: NonNullable<FastifyServerOptions['schemaController']> = Object({
  compilersFactory: { buildValidator: () => requestValidation(), buildSerializer: () => asJson },
});
