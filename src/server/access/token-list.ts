/** The accepted tokens, by their digests. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { TokenSettings } from '../settings/security-schema.js';

/** RFC 6750: the scheme's name in any case, then the token. */
const BEARER = /^bearer +([^\s]+)$/i;

interface KnownToken {
  readonly token: TokenSettings;
  readonly digest: Buffer;
}

export class TokenList {
  readonly #known: readonly KnownToken[];

  constructor(tokens: readonly TokenSettings[]) {
    this.#known = tokens.map((token) => ({ token, digest: Buffer.from(token.sha256, 'hex') }));
  }

  /**
   * Returns the token in an `Authorization` header, or undefined when it is unknown. Every token is compared, each in
   * constant time, so that the duration reveals nothing about the tokens.
   */
  find(authorization: string | undefined): TokenSettings | undefined {
    const secret = BEARER.exec(authorization ?? '')?.[1];
    if (secret === undefined) return undefined;
    // Node decodes header bytes as Latin-1; this restores the bytes that were sent.
    const digest = hash('sha256', Buffer.from(secret, 'latin1'), 'buffer');
    let found: TokenSettings | undefined;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.token;
    }
    return found;
  }
}
