/**
 * The paths that routes were registered for, with their methods: it tells a path that nobody serves (404) from one
 * that is served under another method (405, with `Allow`). Filled from Fastify's `onRoute` hook.
 */
import { ShmTableError, show } from '../errors.js';
import { decodePercent } from './key-encoding.js';

/** Thrown for a request that no route takes; `allow` goes into the header of the same name. */
export class NoRouteError extends ShmTableError {
  readonly allow: string | undefined;

  constructor(method: string, path: string, allowed: readonly string[]) {
    const where = show(path);
    if (allowed.length === 0) super('ERR_ROUTE_NOT_FOUND', `there is no route ${method} ${where}`);
    else super('ERR_METHOD_NOT_ALLOWED', `${where} takes ${allowed.join(', ')}, not ${method}`);
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

  /** The error of a request that no route took, or whose route has nothing under this path. */
  refuse(method: string, path: string): NoRouteError {
    const allowed = new Set<string>();
    for (const [pattern, methods] of this.#methods) {
      if (fits(pattern, path)) for (const each of methods) allowed.add(each);
    }
    // A route that took the request and found nothing behind the path: a missing file of the docs, say.
    if (allowed.has(method)) allowed.clear();
    return new NoRouteError(method, path, [...allowed].sort());
  }
}

/** An empty segment is a key, if an invalid one, and never a table. */
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
