/**
 * Synchronous hooks. As async functions each would cost every request a promise and turns of the microtask queue; a GET
 * of a row runs half a dozen of them.
 */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** A hook that rejects the request with the error that `work` throws. */
export function hook(work: (request: FastifyRequest, reply: FastifyReply) => void): Hook {
  return (request, reply, done) => {
    try {
      work(request, reply);
    } catch (error) {
      done(errorOf(error));
      return;
    }
    done();
  };
}

/** Converts a thrown value for a callback that accepts only errors. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
