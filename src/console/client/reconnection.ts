/** How long a client waits before it connects again. */

const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/**
 * The pause after a number of failures in a row: each twice as long as the one before, up to ten seconds. `random`,
 * 0 .. 1, spreads the clients of a service that has restarted over half of the pause.
 */
export function pauseBefore(failures: number, random: number): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(failures, 30), LONGEST_MS);
  return Math.round(full * (0.5 + random / 2));
}
