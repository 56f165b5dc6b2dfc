/**
 * Checks the rule of `src/table/hot/`, as part of `npm run lint`: a file imports types only, and apart from types it
 * has one exported function at its top level. So that function refers only to its parameters and globals, and its text
 * can be evaluated again for each table (`src/table/specialize.ts`).
 *
 * It examines lines that begin in the first column, and relies on the formatter.
 *
 * Usage: check-hot-code.js [FOLDER]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'src/table/hot';
const TYPES = /^(import type |export (interface|type) |interface |type )/;
const FUNCTION = /^export function \w+/;
/** A line that continues the previous one, or a comment. */
const CONTINUED = /^($|[\s})\]]|\/\/|\/\*\*| \*)/;

const problems = [];
for (const file of readdirSync(folder).sort()) {
  const path = join(folder, file);
  let functions = 0;
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (FUNCTION.test(line)) functions++;
    else if (!TYPES.test(line) && !CONTINUED.test(line)) {
      problems.push(`${path}:${index + 1}: only types are allowed besides the function: ${line}`);
    }
  }
  if (functions !== 1) problems.push(`${path}: exports ${functions} functions, and must export one`);
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
