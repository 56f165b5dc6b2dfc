/** The log of a process without an app: the same pino, configured the same way, as the workers' apps have. */
import Fastify, { type FastifyBaseLogger } from 'fastify';

export function createLog(level: string): FastifyBaseLogger {
  return Fastify({ logger: { level } }).log;
}
