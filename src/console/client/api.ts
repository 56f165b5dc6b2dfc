/** Requests to the service from whose address the console was loaded, also behind a path prefix. */
import { ApiProblem, problemOf, unreachable } from './problem.js';
import { currentToken, tokenRefused } from './session.js';

/** The address of the service: that of this script, without `ui/app.js`. */
const SERVICE = new URL('../', import.meta.url);

interface RequestOptions {
  readonly method?: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE' | 'HEAD';
  /** Parameters that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** A value that is sent as JSON. */
  readonly json?: unknown;
  /** A body that is sent as it is, instead of `json`, and its type. */
  readonly body?: { readonly content: BodyInit; readonly type: string };
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** The revision that the row must still have: `If-Match`. */
  readonly ifRevision?: number | undefined;
  readonly signal?: AbortSignal;
}

interface Answer<T> {
  readonly status: number;
  readonly value: T;
  readonly headers: Headers;
}

/**
 * Sends a request and reads the response as JSON. `path` is relative to the address of the service, such as `v1/tables`.
 *
 * @throws {ApiProblem} for every response that is not a success, and when there is none
 */
export async function call<T = unknown>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
  const response = await send(path, options);
  const text = await response.text().catch((error: unknown) => {
    throw interrupted(error, options.signal);
  });
  const value = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, value, headers: response.headers };
}

/** Sends a request and returns the successful response, whose body has not been read. Throws like `call`. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = 'GET', signal } = options;
  const token = currentToken();
  const headers = new Headers();
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers.set(name, value);
  }
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  if (options.ifRevision !== undefined) headers.set('If-Match', `"${options.ifRevision}"`);
  let body: BodyInit | undefined;
  if (options.body !== undefined) {
    body = options.body.content;
    headers.set('Content-Type', options.body.type);
  } else if (options.json !== undefined) {
    body = JSON.stringify(options.json);
    headers.set('Content-Type', 'application/json');
  }
  const init: RequestInit = { method, headers, cache: 'no-store', credentials: 'same-origin', redirect: 'error' };
  if (body !== undefined) init.body = body;
  if (signal !== undefined) init.signal = signal;
  const response = await fetch(addressOf(path, options.query), init).catch((error: unknown) => {
    throw interrupted(error, signal);
  });
  if (response.ok) return response;
  const problem = await problemOf(response);
  // A token that was replaced meanwhile says nothing about the current one.
  if (problem.status === 401 && token === currentToken()) tokenRefused();
  throw problem;
}

/** The address of a path of the service. */
function addressOf(path: string, query: RequestOptions['query'] = {}): URL {
  const url = new URL(path, SERVICE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function interrupted(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true || error instanceof ApiProblem ? error : unreachable(error);
}
