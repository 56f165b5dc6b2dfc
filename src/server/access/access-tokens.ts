/** The accepted tokens, by their digests, and the long responses under each of them. */
import { hash, timingSafeEqual } from 'node:crypto';
import { timers, wallTimeMs } from '../../memory/index.js';
import type { TokenSettings } from '../settings/security-schema.js';

/** RFC 6750: the scheme's name in any case, then the token. */
const BEARER = /^bearer +([^\s]+)$/i;
/** The wall clock may be set while a response waits for its token to expire. */
const LONGEST_WAIT_MS = 1000;

interface KnownToken {
  readonly token: TokenSettings;
  readonly digest: Buffer;
  /** Milliseconds since the epoch, or infinity. */
  readonly expiresAt: number;
}

/** A long response, which lasts only as long as its token allows it. */
interface Holder {
  readonly token: TokenSettings;
  /** Whether the token, as it is now, still allows the request. */
  readonly isAllowed: (token: TokenSettings) => boolean;
  readonly end: () => void;
  timer: NodeJS.Timeout | undefined;
}

export class AccessTokens {
  #known: readonly KnownToken[] = [];
  #byToken: ReadonlyMap<TokenSettings, KnownToken> = new Map();
  readonly #holders = new Set<Holder>();

  constructor(tokens: readonly TokenSettings[]) {
    this.#accept(tokens);
  }

  /** Accepts only these tokens from now on, and ends the responses that they do not allow. */
  replace(tokens: readonly TokenSettings[]): void {
    this.#accept(tokens);
    for (const holder of [...this.#holders]) {
      const now = this.#known.find(({ digest }) => digest.equals(digestOf(holder.token)));
      if (now === undefined || !holder.isAllowed(now.token)) holder.end();
      else endAtExpiry(holder, now);
    }
  }

  /**
   * Returns the token in an `Authorization` header, or undefined when it is unknown or has expired. Every token is
   * compared, each in constant time, so that the duration reveals nothing about the tokens.
   */
  find(authorization: string | undefined): TokenSettings | undefined {
    const secret = BEARER.exec(authorization ?? '')?.[1];
    if (secret === undefined) return undefined;
    // Node decodes header bytes as Latin-1; this restores the bytes that were sent.
    const digest = hash('sha256', Buffer.from(secret, 'latin1'), 'buffer');
    let found: KnownToken | undefined;
    for (const each of this.#known) {
      if (timingSafeEqual(each.digest, digest)) found = each;
    }
    return found === undefined || isExpired(found) ? undefined : found.token;
  }

  /** Whether a token that was found is still accepted as it was. */
  isInForce(token: TokenSettings): boolean {
    const current = this.#byToken.get(token);
    return current !== undefined && !isExpired(current);
  }

  #accept(tokens: readonly TokenSettings[]): void {
    this.#known = tokens.map(known);
    this.#byToken = new Map(this.#known.map((each) => [each.token, each]));
  }

  /** Calls `end` when the token expires, or is replaced by one that does not allow the request; returns a release. */
  hold(token: TokenSettings, isAllowed: Holder['isAllowed'], end: () => void): () => void {
    const holder: Holder = { token, isAllowed, end, timer: undefined };
    this.#holders.add(holder);
    endAtExpiry(holder, known(token));
    return () => {
      this.#holders.delete(holder);
      timers.clearTimeout(holder.timer);
    };
  }
}

/** Ends the response when the token expires, and no longer when it would have expired before it was replaced. */
function endAtExpiry(holder: Holder, { expiresAt }: KnownToken): void {
  timers.clearTimeout(holder.timer);
  if (expiresAt === Number.POSITIVE_INFINITY) return;
  const wait = (): void => {
    const restMs = expiresAt - wallTimeMs();
    if (restMs <= 0) holder.end();
    else holder.timer = timers.setTimeout(wait, Math.min(restMs, LONGEST_WAIT_MS)).unref();
  };
  wait();
}

function known(token: TokenSettings): KnownToken {
  const expiresAt = token.expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(token.expires);
  return { token, digest: digestOf(token), expiresAt };
}

function digestOf({ sha256 }: TokenSettings): Buffer {
  return Buffer.from(sha256, 'hex');
}

function isExpired({ expiresAt }: KnownToken): boolean {
  return expiresAt !== Number.POSITIVE_INFINITY && expiresAt <= wallTimeMs();
}
