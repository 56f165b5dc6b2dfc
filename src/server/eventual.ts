/**
 * Results that are there at once, because they come from shared memory, or later, because they come from a cluster. Only
 * promises are awaited: one for each request would cost more than reading a row.
 */
export type Eventual<T> = T | Promise<T>;

/** Does something with a result: at once, or when it is there. */
export function when<T, R>(result: Eventual<T>, next: (result: T) => Eventual<R>): Eventual<R> {
  return result instanceof Promise ? result.then(next) : next(result);
}
