import type { FastifyReply } from 'fastify';

/** Adds a field to the `Vary` header, in which another hook may have named others. */
export function varyBy(reply: FastifyReply, field: string): void {
  const before = reply.getHeader('Vary');
  reply.header('Vary', before === undefined ? field : `${before}, ${field}`);
}
