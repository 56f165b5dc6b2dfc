/** The errors of each route as the OpenAPI document shows them: by status, with the codes possible for it. */
import { describeError, ERROR_CODES, type ErrorCode } from '../errors.js';

/** A problem document, as the shared schema of this name. */
export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  description: 'A problem document (RFC 9457)',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', pattern: '^urn:shmtable:error:ERR_[A-Z_]+$' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'The offending value and the limit' },
    code: { type: 'string', enum: ERROR_CODES, description: 'Stable error code for programs to switch on' },
  },
  examples: [
    {
      type: 'urn:shmtable:error:ERR_ROW_NOT_FOUND',
      title: 'Row not found',
      status: 404,
      detail: 'table cities has no row "5128581"',
      code: 'ERR_ROW_NOT_FOUND',
    },
  ],
} as const;

export const problemReference = { $ref: 'Problem#' } as const;

/** Errors of any request. */
const OF_ANY_REQUEST: readonly ErrorCode[] = [
  'ERR_ARGUMENT',
  'ERR_KEY_INVALID',
  'ERR_FORBIDDEN',
  'ERR_RATE_LIMITED',
  'ERR_INTERNAL',
];

/** Errors of opening a table or waiting for one of its locks, or for the servers that have its rows. */
const OF_ANY_TABLE: readonly ErrorCode[] = [
  'ERR_TABLE_NOT_FOUND',
  'ERR_ROUTE_NOT_FOUND',
  'ERR_PERMISSION',
  'ERR_TABLE_CORRUPT',
  'ERR_LAYOUT_VERSION',
  'ERR_LOCK_TIMEOUT',
  'ERR_TABLE_CLOSED',
  'ERR_TOO_MANY_PARTICIPANTS',
  'ERR_CLUSTER_UNAVAILABLE',
];

/** Errors of any body, even one that the route does not expect, found before the table is reached. */
export const OF_ANY_BODY: readonly ErrorCode[] = ['ERR_BODY_MALFORMED', 'ERR_BODY_TOO_LARGE', 'ERR_MEDIA_TYPE'];

/** Errors of writing the columns of a row. */
export const OF_ANY_ROW_WRITE: readonly ErrorCode[] = [
  'ERR_COLUMN_UNKNOWN',
  'ERR_COLUMN_TYPE',
  'ERR_VALUE_RANGE',
  'ERR_VALUE_TOO_LONG',
  'ERR_OUTCOME_UNKNOWN',
];

const SECONDS = { type: 'integer', description: 'Seconds to wait before retrying' } as const;

/** Headers of an error response, by status. */
const HEADERS: Readonly<Record<number, object>> = {
  401: { 'WWW-Authenticate': { type: 'string', description: 'Bearer' } },
  429: { 'Retry-After': SECONDS },
  503: { 'Retry-After': SECONDS },
};

/** Response schemas of the errors of a route that concerns no single table: `codes` and the errors of any request. */
export function serviceProblems(...codes: readonly ErrorCode[]) {
  return responsesOf([...OF_ANY_REQUEST, ...codes]);
}

/** Response schemas of the errors of a route that concerns one table. */
export function tableProblems(...codes: readonly ErrorCode[]) {
  return serviceProblems(...OF_ANY_TABLE, ...codes);
}

/** The response schema of a status with these codes. */
export function problemResponse(status: number, codes: readonly ErrorCode[]) {
  const { [status]: headers } = HEADERS;
  return {
    description: codes.map((code) => `${describeError(code).title}: \`${code}\``).join('; '),
    ...(headers !== undefined && { headers }),
    content: { 'application/problem+json': { schema: problemReference } },
  };
}

function responsesOf(codes: readonly ErrorCode[]): Record<number, ReturnType<typeof problemResponse>> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes)) {
    const { status } = describeError(code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, carried]) => [status, problemResponse(status, carried)]));
}
