import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { type Mutation, mutations } from './kill/mutations.js';
import { runKills } from './kill/run-kills.js';

/*
 * Each mutation is a mistake that somebody could make. The proof must notice it: in the very package that passes
 * without it, changed in one place. The copies stand below `dist`, where they find the package's manifest and addon.
 */
const dist = fileURLToPath(new URL('../..', import.meta.url));
const PARTS = ['errors.js', 'index.js', 'memory', 'pools', 'table'];

function copyPackage(t: Test): string {
  const folder = mkdtempSync(join(dist, 'mutant-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of PARTS) cpSync(join(dist, 'src', part), join(folder, part), { recursive: true });
  return folder;
}

function apply({ name, file, search, replace }: Mutation, folder: string): void {
  const path = join(folder, file);
  const parts = readFileSync(path, 'utf8').split(search);
  if (parts.length !== 2) throw new Error(`"${name}": found ${parts.length - 1} times in ${file}: ${search}`);
  writeFileSync(path, parts.join(replace));
}

async function failuresOf(folder: string, operation: string): Promise<string[]> {
  const failures: string[] = [];
  await runKills({ seed: 1, share: 1, recovery: 1, failures: 1, only: operation, subject: folder }, (outcome) => {
    failures.push(...outcome.failures);
  });
  return failures;
}

t.test('the copy without a mistake passes', async (t) => {
  const folder = copyPackage(t);
  t.same(await failuresOf(folder, 'set, new'), []);
});

for (const mutation of mutations) {
  t.test(`noticed: ${mutation.name}`, async (t) => {
    const folder = copyPackage(t);
    apply(mutation, folder);
    const failures = await failuresOf(folder, mutation.operation);
    t.ok(failures.length > 0, failures[0]);
  });
}
