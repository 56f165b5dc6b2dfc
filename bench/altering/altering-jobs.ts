/** What the processes do that use a table while it is altered. */

/** Reads single rows and times each; writes rows at a constant rate; or increments a column as fast as it can. */
export type AlteringJob =
  | { readonly kind: 'read'; readonly rows: number }
  | { readonly kind: 'write'; readonly rows: number; readonly rowsPerSecond: number }
  | { readonly kind: 'increment'; readonly rows: number };

export interface AlteringResult {
  readonly operations: number;
  /** Of a reader: nanoseconds that 999 of 1,000 reads do not exceed. */
  readonly p999Ns: number;
  /** The longest operation, in milliseconds. */
  readonly longestMs: number;
}
