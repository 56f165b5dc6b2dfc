/** The log of a process without an app, configured as Fastify configures those of the workers' apps. */
import type { FastifyBaseLogger } from 'fastify';
import { pino } from 'pino';

export function createLog(level: string): FastifyBaseLogger {
  return pino({ level });
}
