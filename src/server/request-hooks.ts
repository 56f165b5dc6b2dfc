/**
 * Hooks that do their work at once. As async functions each of them would cost every request a promise and turns of the
 * microtask queue; a GET of a row passes half a dozen of them.
 */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** A hook that refuses the request with what `work` throws. */
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

/** What was thrown, for a callback that takes errors only. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
