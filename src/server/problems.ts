/** Errors as RFC 9457 problem documents; status and title come from the package's table of errors. */
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { describeError, type ErrorCode, ShmTableError } from '../errors.js';
import { monotonicMs } from '../memory/index.js';
import { NoRouteError } from './known-paths.js';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
}

/** Seconds to wait before retrying a request that failed because a table or the worker was busy, or a table closed. */
const RETRY_AFTER_S = 1;
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 503]);

/** Error codes for Fastify's own errors, where the status alone does not determine them. */
const FRAMEWORK_ERRORS: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'ERR_MEDIA_TYPE',
  FST_ERR_CTP_BODY_TOO_LARGE: 'ERR_BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'ERR_BODY_MALFORMED',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'ERR_BODY_MALFORMED',
  FST_ERR_CTP_INVALID_JSON_BODY: 'ERR_BODY_MALFORMED',
  FST_ERR_BAD_URL: 'ERR_KEY_INVALID',
  FST_ERR_MAX_PARAM_LENGTH: 'ERR_KEY_INVALID',
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: 'ERR_MEDIA_TYPE',
};

/** An error caused by the table's current state: status 409, whatever the usual status of its code. */
export class ConflictError extends ShmTableError {
  readonly status = 409;
}

export function problem(code: ErrorCode, detail: string, status = describeError(code).status): Problem {
  const { title } = describeError(code);
  return { type: `urn:shmtable:error:${code}`, title, status, detail, code };
}

/** The problem document of any error. Unknown errors become ERR_INTERNAL and reveal no internals. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ConflictError) return problem(error.code, error.message, error.status);
  if (error instanceof ShmTableError) return problem(error.code, error.message);
  if (isFastifyError(error)) {
    const code = FRAMEWORK_ERRORS[error.code];
    if (code !== undefined) return problem(code, error.message);
    if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
      return problem('ERR_ARGUMENT', error.message);
    }
  }
  if (isRefusedFile(error)) return problem('ERR_ROUTE_NOT_FOUND', 'the path names no file of this page');
  return problem('ERR_INTERNAL', 'the service failed to process this request; see its log');
}

/** Errors whose cause is in the program or the memory; their log lines have a stack. */
const FAULTS: ReadonlySet<ErrorCode> = new Set(['ERR_INTERNAL', 'ERR_TABLE_CORRUPT', 'ERR_LAYOUT_VERSION']);
/** Other failures, such as a full table, may occur in every request: of each code, one is logged in this time. */
const QUIET_MS = 1000;
const loggedAt = new Map<ErrorCode, number>();

function logFailure(error: unknown, { code, title, detail }: Problem, log: FastifyBaseLogger): void {
  if (FAULTS.has(code)) {
    log.error({ err: error }, title);
    return;
  }
  const now = monotonicMs();
  if (now - (loggedAt.get(code) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
  loggedAt.set(code, now);
  log.warn({ code, detail }, title);
}

/** Fastify's error handler: sends the problem document and logs the errors that are the service's own fault. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const document = problemOf(error);
  if (document.status >= 500) logFailure(error, document, request.log);
  if (TRY_AGAIN.has(document.status) && !reply.hasHeader('Retry-After')) reply.header('Retry-After', RETRY_AFTER_S);
  if (error instanceof NoRouteError && error.allow !== undefined) reply.header('Allow', error.allow);
  reply
    .code(document.status)
    .type('application/problem+json')
    .serializer((payload: Problem) => JSON.stringify(payload))
    .send(document);
}

/** Whether the server of files refused a path, such as one with `..`; its errors have a status, but no code. */
function isRefusedFile(error: unknown): boolean {
  if (!(error instanceof Error) || 'code' in error || !('statusCode' in error)) return false;
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500;
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
