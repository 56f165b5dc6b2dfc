/** JSON Schemas that several routes share; the OpenAPI document is made of them. */
import { Type } from 'typebox';

const problemSchema = Type.Object(
  {
    type: Type.String({ examples: ['urn:shmtable:error:ERR_ROW_NOT_FOUND'] }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ examples: ['ERR_ROW_NOT_FOUND'] }),
  },
  { $id: 'Problem', description: 'A problem document (RFC 9457)' },
);

/** A problem document, by reference to the shared schema. */
export const problemReference = { $ref: 'Problem#' };

/** The answer of an error: they all have one shape. */
export function problemAnswer(description: string) {
  return { description, content: { 'application/problem+json': { schema: problemReference } } } as const;
}

/** Any error of a route. */
export const problems = {
  '4xx': problemAnswer('The request cannot be done'),
  '5xx': problemAnswer('The service cannot do it'),
} as const;

/** An answer without a body. */
export function nothing(description: string) {
  return Type.Unsafe<undefined>({ type: 'null', description });
}

export const columns = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description:
    'Column names in their order, each with its type: int8 .. int64, float32, float64, boolean, string(n), bytes(n)',
  examples: [{ population: 'int32', country: 'string(2)' }],
});

export const cell = {
  oneOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }],
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

const envelopeSchema = {
  $id: 'Envelope',
  type: 'object',
  description: 'A row with its key, revision and expiry',
  required: ['key', 'revision', 'expiresAt', 'row'],
  properties: {
    key: { type: 'string' },
    revision: { type: 'integer' },
    expiresAt: { type: ['integer', 'null'], description: 'Epoch milliseconds' },
    row: { type: 'object', additionalProperties: cell },
  },
} as const;

/** The JSON text of an envelope: answers typed as strings are written as text already and sent as they are. */
export const envelopeText = Type.Unsafe<string>({
  ...envelopeSchema,
  description: 'The row with its key, revision and expiry',
});

/** The JSON text of a page of envelopes. */
export const pageText = Type.Unsafe<string>({
  type: 'object',
  required: ['rows', 'cursor'],
  properties: { rows: { type: 'array', items: { $ref: 'Envelope#' } }, cursor: { type: ['string', 'null'] } },
  description: 'A page; it may be empty while the cursor is not null',
});

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
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'Lifetime of the row in milliseconds' }),
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
