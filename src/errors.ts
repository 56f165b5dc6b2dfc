import { types } from 'node:util';

/**
 * Every error of the package in one table: its stable code, the HTTP status of the service's response, and a short
 * title. Messages are written where the error is thrown; each names the offending value and the limit.
 */
const ERRORS = {
  // Tables
  ERR_TABLE_EXISTS: { status: 409, title: 'Table already exists' },
  ERR_TABLE_NOT_FOUND: { status: 404, title: 'Table not found' },
  ERR_TABLE_FULL: { status: 507, title: 'Table is full' },
  ERR_TABLE_CLOSED: { status: 503, title: 'Table is closed' },
  ERR_TABLE_CORRUPT: { status: 500, title: 'Table is corrupt' },
  ERR_LAYOUT_VERSION: { status: 500, title: 'Unsupported layout version' },
  ERR_TOO_MANY_PARTICIPANTS: { status: 503, title: 'Too many participants' },
  ERR_LOCK_TIMEOUT: { status: 503, title: 'Lock timeout' },
  ERR_READ_ONLY: { status: 403, title: 'Read-only' },
  // Schema, columns, keys, values
  ERR_SCHEMA_INVALID: { status: 422, title: 'Invalid schema' },
  ERR_SCHEMA_MISMATCH: { status: 409, title: 'Schema mismatch' },
  ERR_COLUMN_UNKNOWN: { status: 422, title: 'Unknown column' },
  ERR_COLUMN_TYPE: { status: 422, title: 'Wrong column type' },
  ERR_VALUE_RANGE: { status: 422, title: 'Value out of range' },
  ERR_VALUE_TOO_LONG: { status: 422, title: 'Value too long' },
  ERR_KEY_INVALID: { status: 400, title: 'Invalid key' },
  ERR_ROW_NOT_FOUND: { status: 404, title: 'Row not found' },
  ERR_ARGUMENT: { status: 400, title: 'Invalid argument' },
  // Memory
  ERR_PERMISSION: { status: 403, title: 'Permission denied' },
  ERR_SEGMENT_NO_SPACE: { status: 507, title: 'No space for the segment' },
  ERR_SEGMENT_TOO_LARGE: { status: 507, title: 'Segment too large' },
  ERR_SEGMENT_EXISTS: { status: 409, title: 'Segment already exists' },
  ERR_SEGMENT_NOT_FOUND: { status: 404, title: 'Segment not found' },
  ERR_BACKEND_UNSUPPORTED: { status: 422, title: 'Backend not supported' },
  ERR_ADDON_MISSING: { status: 500, title: 'Native addon missing' },
  // Pools
  ERR_POOL_FULL: { status: 507, title: 'Not enough space for the pool' },
  ERR_POOL_DOUBLE_FREE: { status: 500, title: 'Double free' },
  ERR_POOL_FOREIGN: { status: 500, title: 'Offset outside the pool' },
  // Snapshots
  ERR_SNAPSHOT_DAMAGED: { status: 500, title: 'Damaged snapshot' },
  // A table in a cluster of servers
  ERR_CLUSTER_UNAVAILABLE: { status: 503, title: 'Cluster unavailable' },
  ERR_OUTCOME_UNKNOWN: { status: 504, title: 'Outcome unknown' },
  // HTTP only
  ERR_ROUTE_NOT_FOUND: { status: 404, title: 'Route not found' },
  ERR_METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  ERR_BODY_MALFORMED: { status: 400, title: 'Malformed body' },
  ERR_BODY_TOO_LARGE: { status: 413, title: 'Body too large' },
  ERR_ANSWER_TOO_LARGE: { status: 413, title: 'Response too large' },
  ERR_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  ERR_PRECONDITION_FAILED: { status: 412, title: 'Precondition failed' },
  ERR_UNAUTHENTICATED: { status: 401, title: 'Authentication required' },
  ERR_FORBIDDEN: { status: 403, title: 'Forbidden' },
  ERR_RATE_LIMITED: { status: 429, title: 'Too many requests' },
  ERR_REQUEST_TIMEOUT: { status: 408, title: 'Request timeout' },
  ERR_HEADERS_TOO_LARGE: { status: 431, title: 'Headers too large' },
  ERR_INTERNAL: { status: 500, title: 'Internal error' },
} as const;

/** A stable error code; other programs switch on these. */
export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

/** HTTP status and title of a code, as the service's problem documents show them. */
export function describeError(code: ErrorCode): { readonly status: number; readonly title: string } {
  return ERRORS[code];
}

/** The only error class of the package. `code` is stable; `message` names the value and the limit. */
export class ShmTableError extends Error {
  readonly code: ErrorCode;
  /** For `setMany` and `deleteMany`: how many items, counted from the first, were completed before this error. */
  readonly completed?: number;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; completed?: number } = {}) {
    const { completed, ...rest } = options;
    super(message, rest);
    this.name = 'ShmTableError';
    this.code = code;
    if (completed !== undefined) this.completed = completed;
  }
}

/** Whether a thrown value is an error of this package with this code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof ShmTableError && error.code === code;
}

/** Formats what a caller's code has thrown, for an error message: the first line of its message. Never throws. */
export function reasonOf(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.message === 'string') return error.message.split('\n')[0];
  } catch {
    // Its message is a getter, or it is a proxy.
  }
  return show(error);
}

const MAX_CHARACTERS = 80;
/** Larger bigints are not written out: millions of digits take seconds to format. */
const MAX_BIGINT = 2n ** 256n;

/**
 * Formats a value for an error message: names its kind, truncates it when it is long, and never throws. It runs no code
 * that belongs to the value, which may be a proxy or have getters that throw.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_CHARACTERS
        ? `${JSON.stringify(value.slice(0, MAX_CHARACTERS))}… (${value.length} characters)`
        : JSON.stringify(value);
    case 'bigint':
      if (value > MAX_BIGINT || value < -MAX_BIGINT) return 'a bigint of more than 256 bits';
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'symbol':
      return cut(String(value));
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : showObject(value);
    default:
      return String(value);
  }
}

function showObject(value: object): string {
  if (types.isProxy(value)) return 'an object';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (types.isTypedArray(value)) return `a typed array (${value[Symbol.toStringTag]})`;
  if (types.isPromise(value)) return 'a promise';
  if (types.isDate(value)) return 'a Date';
  if (types.isMap(value)) return 'a Map';
  if (types.isSet(value)) return 'a Set';
  if (types.isRegExp(value)) return 'a RegExp';
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer';
  return 'an object';
}

function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}
