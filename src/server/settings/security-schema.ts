/** Settings of access control: tokens, TLS, cross-origin requests and rate limits. */
import type { Static } from 'typebox';
import { NAME } from '../../table/options.js';
import { Type } from '../json-schema.js';
import { SERVICE_DEFAULTS } from './defaults.js';

/** What a token allows: each scope includes those before it. */
export const SCOPES = ['read', 'write', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

const token = Type.Object(
  {
    name: Type.String({
      pattern: '^[ -~]{1,64}$',
      description:
        'Client name, shown in the log; tokens of the same name count as one client while one replaces the other',
    }),
    sha256: Type.String({
      pattern: '^[0-9A-Fa-f]{64}$',
      description: 'SHA-256 of the token in hexadecimal; the token itself is not stored',
    }),
    scope: Type.Unsafe<Scope>({
      type: 'string',
      enum: [...SCOPES],
      description: 'What the token allows; admin includes write, and write includes read',
    }),
    tables: Type.Optional(
      Type.Array(Type.String({ pattern: `^(\\*|${NAME.source.slice(1, -1)}\\*?)$` }), {
        minItems: 1,
        maxItems: 1024,
        description:
          'Names of the tables that the token is valid for; sessions* means all that begin with sessions; by default all',
      }),
    ),
    expires: Type.Optional(
      Type.String({
        pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$',
        description: 'When the token expires, such as 2026-12-31T00:00:00Z; by default never',
      }),
    ),
  },
  { additionalProperties: false },
);

export type TokenSettings = Static<typeof token>;

export const tokens = Type.Array(token, {
  minItems: 1,
  maxItems: 256,
  description: 'Accepted tokens; without any the service listens on a loopback address or a Unix socket only',
});

export const tokensFile = Type.String({
  minLength: 1,
  description: 'Path of a JSON file with the tokens, instead of `tokens`; read at startup and on SIGHUP',
});

export const tls = Type.Object(
  {
    // Each is optional by itself: the file may set one and the environment the other.
    cert: Type.Optional(Type.String({ minLength: 1, description: 'Path of the certificate chain in PEM; required' })),
    key: Type.Optional(Type.String({ minLength: 1, description: 'Path of the private key in PEM; required' })),
  },
  { additionalProperties: false, description: 'Serves HTTPS instead of HTTP; the files are read again on SIGHUP' },
);

export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
}

const ORIGIN = '^(\\*|https?://[^/\\s,*]+)$';

export const cors = Type.Object(
  {
    origin: Type.Union(
      [Type.String({ pattern: ORIGIN }), Type.Array(Type.String({ pattern: ORIGIN }), { minItems: 1 })],
      {
        description: 'Origins that may send requests, such as https://app.example; * for all, which requires tokens',
      },
    ),
  },
  { additionalProperties: false, description: 'Allows cross-origin requests (CORS); without it none are allowed' },
);

export type CorsSettings = Static<typeof cors>;

export const rateLimit = Type.Object(
  {
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 31 - 1,
        description: 'Maximum number of requests of one client in a window; required',
      }),
    ),
    windowMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 31 - 1,
        default: SERVICE_DEFAULTS.rateLimit.windowMs,
        description: 'Length of a window in milliseconds',
      }),
    ),
  },
  { additionalProperties: false, description: 'Rejects clients that send too many requests; counted over all workers' },
);

export interface RateLimitSettings {
  readonly max: number;
  readonly windowMs: number;
}

export const publicUrl = Type.String({
  pattern: '^https?://[^/?#\\s]+(/[^?#\\s]*)?$',
  description: 'URL under which clients reach the service, if a proxy in front of it changes host or path',
});

export const trustedProxies = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 1,
  description:
    'Proxies whose X-Forwarded-For is trusted: addresses, networks such as 10.0.0.0/8, loopback, linklocal, ' +
    'uniquelocal, and unix for those that use the Unix socket',
});
