/** The log of a process without an app: pino, configured as in the workers' apps. */
import Fastify, { type FastifyBaseLogger } from 'fastify';

export function createLog(level: string): FastifyBaseLogger {
  return Fastify({ logger: { level } }).log;
}
