import { reasonOf, ShmTableError } from '../errors.js';

/** Where a server says that a key is: at another server for good, or during a migration. */
interface Redirect {
  readonly kind: 'MOVED' | 'ASK';
  readonly slot: number;
  /** Empty if the server does not know its own address, which is then the one that was asked. */
  readonly host: string;
  readonly port: number;
}

/** Replies of servers that did not execute the command, and would perhaps later. */
const NOT_NOW = new Set([
  'CLUSTERDOWN',
  'LOADING',
  'TRYAGAIN',
  'MASTERDOWN',
  'NOREPLICAS',
  'READONLY',
  'BUSY',
  'MISCONF',
  'UNBLOCKED',
]);
const FORBIDDEN = new Set(['NOPERM', 'NOAUTH', 'WRONGPASS']);

/** The first word of an error that a server replied; undefined for an error of the connection. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^(?:ERR|[A-Z][A-Z]+)(?= )/.exec(error.message)?.[0];
}

/** Whether a server says that it will answer later. */
export function isForLater(error: unknown): boolean {
  return NOT_NOW.has(replyCode(error) ?? '');
}

/** A redirection, if the error is one. */
export function redirectOf(error: unknown): Redirect | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, kind, slot, address] = /^(MOVED|ASK) (\d+) (\S+)$/.exec(error.message) ?? [];
  if (address === undefined) return undefined;
  const colon = address.lastIndexOf(':');
  return {
    kind: kind as Redirect['kind'],
    slot: Number(slot),
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
  };
}

/** The error of the package for an error that a server replied. The command was not executed. */
export function refusedBy(server: string, error: unknown): ShmTableError {
  const code = replyCode(error) ?? '';
  const reason = `${server}: ${reasonOf(error)}`;
  const options = { cause: error };
  if (NOT_NOW.has(code)) return new ShmTableError('ERR_CLUSTER_UNAVAILABLE', reason, options);
  if (code === 'OOM') return new ShmTableError('ERR_TABLE_FULL', reason, options);
  if (FORBIDDEN.has(code)) return new ShmTableError('ERR_PERMISSION', reason, options);
  if (code === 'WRONGTYPE') return new ShmTableError('ERR_TABLE_CORRUPT', reason, options);
  return new ShmTableError('ERR_INTERNAL', reason, options);
}

/** The error for a command that was not sent. */
export function notSent(why: string, cause?: unknown): ShmTableError {
  return new ShmTableError('ERR_CLUSTER_UNAVAILABLE', `not executed: ${why}`, { cause });
}

/** The error for a command that was sent, without an answer. One that only reads can be repeated in any case. */
export function noAnswer(isRead: boolean, why: string, cause?: unknown): ShmTableError {
  if (isRead) return new ShmTableError('ERR_CLUSTER_UNAVAILABLE', `no answer: ${why}`, { cause });
  return new ShmTableError('ERR_OUTCOME_UNKNOWN', `sent, but no answer, so it may have been executed: ${why}`, {
    cause,
  });
}
