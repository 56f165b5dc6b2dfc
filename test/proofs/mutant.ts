import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** A deliberate mistake in the compiled package. */
export interface Replacement {
  /** File below `dist/src`. */
  readonly file: string;
  /** The text to replace: must occur exactly once. */
  readonly search: string;
  readonly replace: string;
}

const dist = fileURLToPath(new URL('../..', import.meta.url));
const PARTS = ['errors.js', 'index.js', 'memory', 'pools', 'table', 'cluster'];

/**
 * Creates a copy of the compiled package with these mutations and returns its folder, for SHMTABLE_PROOF_SUBJECT; it is
 * removed when the test ends. The folder is below `dist`, where the copy finds the package's manifest and addon.
 */
export function createMutant(scope: Pick<Test, 'teardown'>, replacements: readonly Replacement[]): string {
  const folder = mkdtempSync(join(dist, 'mutant-'));
  scope.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of PARTS) cpSync(join(dist, 'src', part), join(folder, part), { recursive: true });
  for (const { file, search, replace } of replacements) {
    const path = join(folder, file);
    const parts = readFileSync(path, 'utf8').split(search);
    if (parts.length !== 2) throw new Error(`found ${parts.length - 1} times in ${file}: ${search}`);
    writeFileSync(path, parts.join(replace));
  }
  return folder;
}
