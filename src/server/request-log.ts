/**
 * Fastify creates a logger for each request, with the request's id. Most requests log nothing, and creating a logger of
 * pino costs as much as reading a row. So it is created when it is first used.
 */
import type { FastifyBaseLogger } from 'fastify';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

class LazyLog implements Pick<FastifyBaseLogger, 'level' | 'child'> {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | undefined;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  get made(): FastifyBaseLogger {
    this.#made ??= this.#make();
    return this.#made;
  }

  get level(): string {
    return this.made.level;
  }

  child(...options: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return this.made.child(...options);
  }
}

// Methods, not accessors: Fastify reads each to check that it exists.
for (const level of LEVELS) {
  Object.defineProperty(LazyLog.prototype, level, {
    value(this: LazyLog, ...line: Parameters<FastifyBaseLogger['info']>) {
      this.made[level](...line);
    },
  });
}

/** A logger that is created when it is first used. */
export function lazyLog(make: () => FastifyBaseLogger): FastifyBaseLogger {
  return Object(new LazyLog(make));
}
