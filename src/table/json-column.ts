import type { JsonColumn } from './types.js';

/**
 * The column type `json` for values of type `T`: `columns: { session: json<Session>() }`. The type is for the compiler
 * only; what is stored may be any JSON value.
 */
export function json<T>(): JsonColumn<T> {
  return 'json' as JsonColumn<T>;
}
