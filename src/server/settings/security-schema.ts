/** Settings of who may ask: tokens and where they come from. */
import { type Static, Type } from 'typebox';
import { SERVICE_DEFAULTS } from './defaults.js';

/** What a token allows: each scope includes those before it. */
export const SCOPES = ['read', 'write', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

const token = Type.Object(
  {
    name: Type.String({
      pattern: '^[ -~]{1,64}$',
      description:
        'Whose token it is, for the log; two tokens of one name are one client, while one replaces the other',
    }),
    sha256: Type.String({
      pattern: '^[0-9A-Fa-f]{64}$',
      description: 'SHA-256 of the token in hexadecimal digits: the token itself is stored nowhere',
    }),
    scope: Type.Unsafe<Scope>({
      type: 'string',
      enum: [...SCOPES],
      description: 'admin includes write, write includes read',
    }),
  },
  { additionalProperties: false },
);

export type TokenSettings = Static<typeof token>;

export const tokens = Type.Array(token, {
  minItems: 1,
  maxItems: 256,
  description: 'Who may ask for what; without any the service listens on loopback or a Unix socket only',
});

export const tokensFile = Type.String({
  minLength: 1,
  description: 'Path of a JSON file with the tokens, instead of `tokens`; read at the start and on SIGHUP',
});

export const tls = Type.Object(
  {
    // Optional by themselves: file and environment may each give one.
    cert: Type.Optional(Type.String({ minLength: 1, description: 'Path of the certificates, PEM; required' })),
    key: Type.Optional(Type.String({ minLength: 1, description: 'Path of the private key, PEM; required' })),
  },
  { additionalProperties: false, description: 'HTTPS instead of HTTP; the files are read again on SIGHUP' },
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
        description: 'Origins whose pages may ask, such as https://app.example; * for all, with tokens only',
      },
    ),
  },
  { additionalProperties: false, description: 'Lets pages of other origins ask, by CORS; without it none may' },
);

export type CorsSettings = Static<typeof cors>;

export const rateLimit = Type.Object(
  {
    max: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, description: 'Requests of one client in a window; required' }),
    ),
    windowMs: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 2 ** 31 - 1,
        default: SERVICE_DEFAULTS.rateLimit.windowMs,
        description: 'Length of a window',
      }),
    ),
  },
  { additionalProperties: false, description: 'Refuses clients that ask too often; all workers count together' },
);

export interface RateLimitSettings {
  readonly max: number;
  readonly windowMs: number;
}
