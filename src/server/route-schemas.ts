/** JSON Schemas that several routes share; the OpenAPI document is made of them. */
import { Type } from 'typebox';
import { problemReference, problemSchema } from './route-problems.js';

/** An answer in JSON. `T` is what the handler gives: a string is JSON text already and is sent as it is. */
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

/** An answer without a body. */
export function nothing(description: string, headers?: Readonly<Record<string, object>>) {
  return Type.Unsafe<undefined>({ type: 'null', description, ...(headers !== undefined && { headers }) });
}

export const entityTagHeader = {
  ETag: { type: 'string', pattern: '^"[0-9]+"$', description: "The row's revision, for If-Match and If-None-Match" },
} as const;

export const locationHeader = { Location: { type: 'string', description: 'Path of what was created' } } as const;

export const columns = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description:
    'Column names in their order, each with its type: int8 .. int64, float32, float64, boolean, string(n), bytes(n)',
  examples: [{ population: 'int32', country: 'string(2)' }],
});

const cell = {
  type: ['number', 'string', 'boolean'],
  description: 'int64 as a decimal string, NaN and infinities as strings, bytes as base64',
} as const;

/**
 * A row as requests send it. What its members may be depends on the table, and is checked with it: a schema here would
 * refuse as malformed what the table refuses by column.
 */
export const rowBody = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: { description: cell.description },
  examples: [{ population: 8175133, country: 'US' }],
});

export const mergeBody = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: { description: cell.description },
  description: 'The columns to change; null resets one to zero',
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
    expiresAt: { type: ['integer', 'null'], description: 'Epoch milliseconds' },
    row: { type: 'object', additionalProperties: cell },
  },
} as const;

/** The answer of a request about one row. */
export function envelopeAnswer(description: string, headers: Readonly<Record<string, object>> = entityTagHeader) {
  return jsonAnswer<string>(description, { $ref: 'Envelope#' }, { example: EXAMPLE_ENVELOPE, headers });
}

/** The answer of a request for rows. */
export const pageAnswer = jsonAnswer<string>(
  'A page; it may be empty while the cursor is not null',
  {
    type: 'object',
    required: ['rows', 'cursor'],
    properties: { rows: { type: 'array', items: { $ref: 'Envelope#' } }, cursor: { type: ['string', 'null'] } },
  },
  { example: { rows: [EXAMPLE_ENVELOPE], cursor: null } },
);

/** The new value of an incremented column. */
const numberCell = { type: ['number', 'string'], description: 'int64 as a decimal string' } as const;

/** The answer of an increment. */
export const incrementAnswer = jsonAnswer<string>(
  'The new value',
  { type: 'object', required: ['value', 'revision'], properties: { value: numberCell, revision } },
  { example: { value: 8175134, revision: 3676683209515010 }, headers: entityTagHeader },
);

/** The answers of a batch's operations. */
export const batchAnswer = jsonAnswer<string>(
  'What each operation came to, in order',
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
            status: { type: 'integer', description: 'What the single request would have answered' },
            key: { type: 'string' },
            revision,
            row: { type: 'object', additionalProperties: cell },
            value: numberCell,
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

/** To be added to the instance whose routes refer to them. */
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
    description: 'How key or prefix are written; clients rewrite the keys . and .. in paths, so those need base64url',
  }),
);

export const selectedColumns = Type.Optional(
  Type.String({ description: 'Names of the columns wanted, separated by commas' }),
);

export const lifetime = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Lifetime of the row in milliseconds',
  }),
);

/** Headers are documented here and checked where they are used: anything else a client sends is none of ours. */
export const conditionHeaders = {
  'if-match': Type.Optional(Type.String({ description: 'Entity tags of which the row must have one, or *' })),
  'if-none-match': Type.Optional(Type.String({ description: 'Entity tags of which the row may have none, or *' })),
};

export const lifetimeHeader = {
  'shm-ttl-ms': Type.Optional(Type.String({ description: 'Lifetime of the row in milliseconds, instead of ?ttl=' })),
};

/** The value of a `columns` query as names. */
export function namesIn(list: string | undefined): string[] | undefined {
  return list?.split(',');
}
