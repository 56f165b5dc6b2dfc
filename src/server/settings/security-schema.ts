/** Settings of who may ask: tokens and where they come from. */
import { type Static, Type } from 'typebox';

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
