import { checkOptions } from '../memory/index.js';
import type { TableClock } from './expiry/table-clock.js';
import { INCREMENT_OPTIONS, WRITE_OPTIONS } from './option-names.js';
import { integer } from './options.js';
import type { IncrementOptions, WriteOptions } from './types.js';

/** The options of a write: `WriteOptions`, and those that only the service and the command use. */
export interface ConditionalOptions extends WriteOptions {
  /** Writes only if the row has this revision. */
  readonly ifRevision?: number | undefined;
  /** Instead of `ttl`: when the row expires, in whole epoch milliseconds, or null. */
  readonly expiresAt?: number | null | undefined;
}

/** Reads each option once and checks it. `ERR_ARGUMENT`. */
export function readWriteOptions(options: ConditionalOptions = {}, known = WRITE_OPTIONS): ConditionalOptions {
  checkOptions(options, known);
  const { ttl, ifRevision, expiresAt } = options;
  checkTtl(ttl);
  return { ttl, ifRevision, expiresAt };
}

/** Reads the options of an increment once and checks them. `ERR_ARGUMENT`. */
export function readIncrementOptions(options: IncrementOptions): IncrementOptions {
  checkOptions(options, INCREMENT_OPTIONS);
  const { ttl, ttlIfNew } = options;
  checkTtl(ttl);
  checkTtl(ttlIfNew, 'ttlIfNew');
  return { ttl, ttlIfNew };
}

/** The expiry that a write sets: table time, 0 for none, undefined to keep the row's own. */
export function expiryOf(clock: TableClock, { ttl, expiresAt }: ConditionalOptions): number | undefined {
  if (expiresAt !== undefined) return expiresAt === null ? 0 : clock.fromWall(expiresAt);
  if (ttl === undefined) return undefined;
  return ttl === null ? 0 : clock.after(ttl);
}

/** Checks a lifetime, null for none, or undefined. `ERR_ARGUMENT` for anything else. */
export function checkTtl(ttl: number | null | undefined, name = 'ttl'): void {
  if (ttl !== undefined && ttl !== null) checkLifetime(ttl, name);
}

/** Checks a lifetime in whole milliseconds. `ERR_ARGUMENT` for anything else. */
export function checkLifetime(ttl: number, name = 'ttl'): void {
  integer(name, ttl, 1, Number.MAX_SAFE_INTEGER);
}
