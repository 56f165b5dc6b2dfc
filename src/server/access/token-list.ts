/** The tokens that the service knows, by their digests. */
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
   * Whose token an `Authorization` header carries; undefined when it is nobody's. Every token is compared, each in
   * constant time: how long it takes tells neither which one was like it nor how much of it.
   */
  find(authorization: string | undefined): TokenSettings | undefined {
    const secret = BEARER.exec(authorization ?? '')?.[1];
    if (secret === undefined) return undefined;
    // Node reads header bytes as Latin-1: this gives back the bytes that were sent.
    const digest = hash('sha256', Buffer.from(secret, 'latin1'), 'buffer');
    let found: TokenSettings | undefined;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.token;
    }
    return found;
  }
}
