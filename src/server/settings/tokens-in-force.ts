/** The tokens that apply now: those in the settings, or those in the file that the settings name. */
import { ShmTableError } from '../../errors.js';
import { checkSettings } from './check-settings.js';
import { readJsonFile } from './read-file.js';
import type { TokenSettings } from './security-schema.js';
import type { ServiceSettings } from './settings-schema.js';

type TokenSources = Pick<ServiceSettings, 'tokens' | 'tokensFile'>;

/**
 * Returns the tokens, or undefined when there are none. Reads `tokensFile` at every call.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when the file is invalid, two tokens have the same digest, or an expiry is not a
 *   time
 */
export function tokensInForce({ tokens, tokensFile }: TokenSources): readonly TokenSettings[] | undefined {
  const inForce = tokens ?? (tokensFile === undefined ? undefined : readTokens(tokensFile));
  if (inForce !== undefined) {
    refuseRepeated(tokensFile ?? 'settings', inForce);
    refuseImpossible(tokensFile ?? 'settings', inForce);
  }
  return inForce;
}

function readTokens(file: string): TokenSettings[] | undefined {
  return checkSettings(file, { tokens: readJsonFile('tokens file', file) }).tokens;
}

/** A token listed twice could have two scopes, and the one that applies would depend on the order. */
function refuseRepeated(source: string, tokens: readonly TokenSettings[]): void {
  const names = new Map<string, string>();
  for (const { name, sha256 } of tokens) {
    const digest = sha256.toLowerCase();
    const before = names.get(digest);
    if (before !== undefined) {
      throw new ShmTableError('ERR_ARGUMENT', `${source}: tokens ${before} and ${name} have the same sha256`);
    }
    names.set(digest, name);
  }
}

/** The schema accepts the thirtieth of February. */
function refuseImpossible(source: string, tokens: readonly TokenSettings[]): void {
  const wrong = tokens.find(({ expires }) => expires !== undefined && Number.isNaN(Date.parse(expires)));
  if (wrong === undefined) return;
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `${source}: token ${wrong.name} expires at ${wrong.expires}, which is not a time`,
  );
}
