import type { Scope } from '../../cluster/two-hosts.js';
import { createMutant, type Replacement } from '../mutant.js';

/** Runs something whose processes use a copy of the package with these replacements. */
export async function overCopy<T>(
  scope: Scope,
  replacements: readonly Replacement[],
  run: (folder: string) => Promise<T>,
): Promise<T> {
  const before = process.env.SHMTABLE_PROOF_SUBJECT;
  const folder = createMutant(scope, replacements);
  process.env.SHMTABLE_PROOF_SUBJECT = folder;
  try {
    return await run(folder);
  } finally {
    if (before === undefined) delete process.env.SHMTABLE_PROOF_SUBJECT;
    else process.env.SHMTABLE_PROOF_SUBJECT = before;
  }
}
