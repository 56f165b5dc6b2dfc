/**
 * Fastify creates a logger for each request, with the request's id. Most requests log nothing, and creating a logger of
 * pino costs as much as reading a row. So it is created when it is first used.
 */
import type { FastifyBaseLogger } from 'fastify';

export function lazyLog(make: () => FastifyBaseLogger): FastifyBaseLogger {
  return new LazyLog(make);
}

class LazyLog implements FastifyBaseLogger {
  readonly #make: () => FastifyBaseLogger;
  #made: FastifyBaseLogger | undefined;

  constructor(make: () => FastifyBaseLogger) {
    this.#make = make;
  }

  child(...options: Parameters<FastifyBaseLogger['child']>): FastifyBaseLogger {
    return new LazyLog(() => this.#log.child(...options));
  }

  get #log(): FastifyBaseLogger {
    this.#made ??= this.#make();
    return this.#made;
  }

  get level(): string {
    return this.#log.level;
  }

  set level(level: string) {
    this.#log.level = level;
  }

  get fatal(): FastifyBaseLogger['fatal'] {
    return this.#log.fatal.bind(this.#log);
  }

  get error(): FastifyBaseLogger['error'] {
    return this.#log.error.bind(this.#log);
  }

  get warn(): FastifyBaseLogger['warn'] {
    return this.#log.warn.bind(this.#log);
  }

  get info(): FastifyBaseLogger['info'] {
    return this.#log.info.bind(this.#log);
  }

  get debug(): FastifyBaseLogger['debug'] {
    return this.#log.debug.bind(this.#log);
  }

  get trace(): FastifyBaseLogger['trace'] {
    return this.#log.trace.bind(this.#log);
  }

  get silent(): FastifyBaseLogger['silent'] {
    return this.#log.silent.bind(this.#log);
  }
}
