/** The tables that a token may be used for. */
import type { TokenSettings } from '../settings/security-schema.js';

type LimitedToken = Pick<TokenSettings, 'tables'>;

/**
 * Whether a token is valid for a table: it has no list of tables, or one that contains the name or a matching prefix.
 */
export function isForTable({ tables }: LimitedToken, table: string): boolean {
  return tables === undefined || tables.some((pattern) => fits(pattern, table));
}

/** The tables that lists show to the holder of a token, or to everyone if there are no tokens. */
export function visibleTo(token: LimitedToken | undefined): (table: string) => boolean {
  return (table) => token === undefined || isForTable(token, table);
}

function fits(pattern: string, table: string): boolean {
  return pattern.endsWith('*') ? table.startsWith(pattern.slice(0, -1)) : table === pattern;
}
