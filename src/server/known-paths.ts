/**
 * The registered paths with their methods: distinguishes an unknown path (404) from one with another method (405, with
 * `Allow`). Filled by Fastify's `onRoute` hook.
 */
import { ShmTableError, show } from '../errors.js';
import { decodePercent } from './key-encoding.js';

/** Thrown for a request without a matching route; `allow` is the value of the header of the same name. */
export class NoRouteError extends ShmTableError {
  readonly allow: string | undefined;

  constructor(method: string, path: string, allowed: readonly string[]) {
    const where = show(path);
    if (allowed.length === 0) super('ERR_ROUTE_NOT_FOUND', `no route ${method} ${where}`);
    else super('ERR_METHOD_NOT_ALLOWED', `the method of ${where} must be ${allowed.join(', ')}, got ${method}`);
    this.allow = allowed.length === 0 ? undefined : allowed.join(', ');
  }
}

export class KnownPaths {
  readonly #methods = new Map<string, Set<string>>();

  add(pattern: string, methods: string | readonly string[]): void {
    const known = this.#methods.get(pattern) ?? new Set();
    for (const method of [methods].flat()) known.add(method);
    this.#methods.set(pattern, known);
  }

  /** The error of a request without a matching route, or whose route has nothing at this path. */
  refuse(method: string, path: string): NoRouteError {
    const allowed = new Set<string>();
    for (const [pattern, methods] of this.#methods) {
      if (fits(pattern, path)) for (const each of methods) allowed.add(each);
    }
    // The route matched but has nothing at the path, for example a missing file of the docs.
    if (allowed.has(method)) allowed.clear();
    return new NoRouteError(method, path, [...allowed].sort());
  }
}

/** An empty segment can be a key, though an invalid one, but never a table. */
function fits(pattern: string, path: string): boolean {
  const names = pattern.split('/');
  const segments = path.split('/');
  if (names.at(-1) === '*') {
    return segments.length >= names.length && names.slice(0, -1).every((name, i) => name === segments[i]);
  }
  if (names.length !== segments.length) return false;
  return names.every((name, i) => {
    if (name === ':key') return true;
    if (name.startsWith(':')) return segments[i] !== '';
    return name === segments[i] || name === literal(segments[i]);
  });
}

function literal(segment: string): string | undefined {
  try {
    return decodePercent(segment);
  } catch {
    return undefined;
  }
}
