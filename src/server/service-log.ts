/** The log of a process without an app: pino, configured as in the workers' apps. */
import Fastify, { type FastifyBaseLogger } from 'fastify';
import { schemaController } from './schema-compilers.js';

export function createLog(level: string): FastifyBaseLogger {
  return Fastify({ logger: { level }, schemaController }).log;
}
