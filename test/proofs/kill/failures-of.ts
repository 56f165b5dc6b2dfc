import { runKills } from './run-kills.js';

/**
 * The failures that the proof finds in one operation of the compiled package in this folder; it stops at the first one.
 */
export async function failuresOf(folder: string, operation: string): Promise<string[]> {
  const failures: string[] = [];
  await runKills({ seed: 1, share: 1, recovery: 1, failures: 1, only: operation, subject: folder }, (outcome) => {
    failures.push(...outcome.failures);
  });
  return failures;
}
