/**
 * Synchronous hooks. As async functions each would cost every request a promise and turns of the microtask queue.
 *
 * Decisions that depend only on the route are made when it is registered: `onRoute` adds a hook for that route, or
 * none, so that no request looks up its route's options.
 */
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, RouteOptions } from 'fastify';

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** A step of a hook; what it throws rejects the request. */
export type Step = (request: FastifyRequest, reply: FastifyReply) => void;

/** A hook of these steps. One hook costs less than several. */
export function hook(...steps: readonly Step[]): Hook {
  const [first, ...others] = steps;
  return (request, reply, done) => {
    try {
      first(request, reply);
      for (const step of others) step(request, reply);
    } catch (error) {
      done(errorOf(error));
      return;
    }
    done();
  };
}

/** Adds a hook of one route, to be called in `onRoute`. It runs after those of the instance. */
export function addRouteHook(route: RouteOptions, when: 'onRequest' | 'preValidation', added: Hook): void {
  route[when] = [...[route[when] ?? []].flat(), added];
}

/** Converts a thrown value for a callback that accepts only errors. */
export function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
