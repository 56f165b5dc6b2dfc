/** JSON Schemas that several routes share; the OpenAPI document is built from them. */
import { Type } from './json-schema.js';
import { problemReference, problemSchema } from './route-problems.js';

/** A JSON response. `T` is what the handler returns: a string is JSON text already and is sent unchanged. */
export function jsonAnswer<T>(description: string, schema: object, options: AnswerOptions = {}) {
  const { example, headers } = options;
  return Type.Unsafe<T>({
    description,
    ...(headers !== undefined && { headers }),
    content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
  });
}

interface AnswerOptions {
  readonly example?: unknown;
  /** Header names with the schema of each. */
  readonly headers?: Readonly<Record<string, object>>;
}

/** A response without a body. */
export function nothing(description: string, headers?: Readonly<Record<string, object>>) {
  return Type.Unsafe<undefined>({ type: 'null', description, ...(headers !== undefined && { headers }) });
}

export const entityTagHeader = {
  ETag: {
    type: 'string',
    pattern: '^"[0-9]+(-(br|gzip))?"$',
    description: "The row's revision, for If-Match and If-None-Match",
  },
} as const;

/** Of a row in a cluster. */
export const sourceHeader = {
  'Shm-Source': {
    type: 'string',
    enum: ['near', 'primary'],
    description: 'Only for a table in a cluster: whether the near cache of the host or the primary has answered',
  },
} as const;

const count = Type.Integer({ minimum: 0 });

/** What has happened in a table since it was created. */
export const tableCounters = {
  inserts: count,
  updates: count,
  deletes: count,
  expirations: count,
  evictions: count,
  recoveries: count,
  lockWaits: count,
} as const;

export const locationHeader = { Location: { type: 'string', description: 'Path of the created resource' } } as const;

export const columns = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description:
    'Column names, in order, each with its type: an integer type from int8 to int64 or uint8 to uint32, float32, ' +
    'float64, boolean, string(n), bytes(n), or text, blob or json, whose values may have any length',
  examples: [{ population: 'int32', country: 'string(2)' }],
});

const columnValue = {
  description:
    'int64 as a decimal string, NaN and the infinities as strings, bytes and blobs as base64, a json column as the value itself',
} as const;

/**
 * A row in a request. Which members are valid depends on the table and is checked against it: a schema here would reject
 * as malformed what the table rejects with the column's own error.
 */
export const rowBody = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: { description: columnValue.description },
  examples: [{ population: 8175133, country: 'US' }],
});

export const mergeBody = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: { description: columnValue.description },
  description: 'The columns to change; null resets a column to zero, which in a json column is null',
  examples: [{ population: 8175134 }],
});

const EXAMPLE_ENVELOPE = {
  key: '5128581',
  revision: 3676683209515009,
  expiresAt: null,
  row: { population: 8175133, country: 'US' },
};

const revision = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const;

const envelopeSchema = {
  $id: 'Envelope',
  type: 'object',
  description: 'A row with its key, revision and expiry',
  required: ['key', 'revision', 'expiresAt', 'row'],
  properties: {
    key: { type: 'string', minLength: 1 },
    revision,
    expiresAt: { type: ['integer', 'null'], description: 'Expiry in milliseconds since the Unix epoch; null for none' },
    row: { type: 'object', additionalProperties: columnValue },
  },
} as const;

/** The response to a request for one row. */
export function envelopeAnswer(description: string, headers: Readonly<Record<string, object>> = entityTagHeader) {
  return jsonAnswer<string>(description, { $ref: 'Envelope#' }, { example: EXAMPLE_ENVELOPE, headers });
}

/** A line of newline-delimited JSON. */
export const rowLine = Type.Unsafe<unknown>({
  type: 'object',
  required: ['key', 'row'],
  properties: {
    key: { type: 'string', minLength: 1 },
    row: { type: 'object', additionalProperties: columnValue },
    expiresAt: { type: ['integer', 'null'], description: 'Expiry in milliseconds since the Unix epoch; null for none' },
  },
  description: 'Each line is such an object',
  examples: [{ key: '5128581', row: EXAMPLE_ENVELOPE.row, expiresAt: null }],
});

/** The response to a request for rows. */
export const rowsAnswer = Type.Unsafe<string>({
  description: 'A page of rows; it may be empty although the cursor is not null and more rows follow. Or lines of rows',
  headers: { Vary: { type: 'string', description: 'Accept' } },
  content: {
    'application/json': {
      schema: {
        type: 'object',
        required: ['rows', 'cursor'],
        properties: { rows: { type: 'array', items: { $ref: 'Envelope#' } }, cursor: { type: ['string', 'null'] } },
      },
      example: { rows: [EXAMPLE_ENVELOPE], cursor: null },
    },
    'application/x-ndjson': { schema: rowLine },
  },
});

/** The new value of an incremented column. */
const numberValue = { type: ['number', 'string'], description: 'int64 as a decimal string' } as const;

/** The response to an increment. */
export const incrementAnswer = jsonAnswer<string>(
  'The new value',
  { type: 'object', required: ['value', 'revision'], properties: { value: numberValue, revision } },
  { example: { value: 8175134, revision: 3676683209515010 }, headers: entityTagHeader },
);

/** The response to a batch. */
export const batchAnswer = jsonAnswer<string>(
  'The result of each operation, in order',
  {
    type: 'object',
    required: ['results'],
    properties: {
      results: {
        type: 'array',
        items: {
          type: 'object',
          required: ['status', 'key'],
          properties: {
            status: { type: 'integer', description: 'The status that the same request on its own would have' },
            key: { type: 'string' },
            revision,
            row: { type: 'object', additionalProperties: columnValue },
            value: numberValue,
            problem: problemReference,
          },
        },
      },
    },
  },
  {
    example: {
      results: [
        { status: 200, key: '5128581', revision: 3676683209515009, row: { population: 8175133, country: 'US' } },
        { status: 200, key: '5128581', revision: 3676683209515010, value: 8175134 },
      ],
    },
  },
);

/** Must be added to the Fastify instance whose routes refer to them. */
export const sharedSchemas = [problemSchema, envelopeSchema];

export const tableParameters = Type.Object({
  table: Type.String({ description: 'Name of the table', examples: ['cities'] }),
});

export const rowParameters = Type.Object({
  table: Type.String({ description: 'Name of the table', examples: ['cities'] }),
  key: Type.String({ description: 'Key of the row, percent-encoded UTF-8', examples: ['5128581'] }),
});

export const keyEncoding = Type.Optional(
  Type.Unsafe<'percent' | 'base64url'>({
    type: 'string',
    enum: ['percent', 'base64url'],
    default: 'percent',
    description:
      'Encoding of the key or prefix; the keys . and .. need base64url, because clients rewrite those path segments',
  }),
);

export const selectedColumns = Type.Optional(
  Type.String({ description: 'Names of the columns to return, separated by commas' }),
);

export const lifetime = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Lifetime of the row in milliseconds',
  }),
);

/** Headers are documented here and checked where they are used; other headers of the client are ignored. */
export const conditionHeaders = {
  'if-match': Type.Optional(Type.String({ description: 'Entity tags, one of which must match the row, or *' })),
  'if-none-match': Type.Optional(Type.String({ description: 'Entity tags, none of which may match the row, or *' })),
};

export const cacheControlHeader = {
  'cache-control': Type.Optional(
    Type.String({ description: 'For a table in a cluster: with no-cache the primary answers, not the near cache' }),
  ),
};

export const lifetimeHeader = {
  'shm-ttl-ms': Type.Optional(
    Type.String({ description: 'Lifetime of the row in milliseconds; an alternative to ?ttl=' }),
  ),
};

/** Splits the value of a `columns` query parameter into names. */
export function namesIn(list: string | undefined): string[] | undefined {
  return list?.split(',');
}
