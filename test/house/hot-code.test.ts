/** `npm run lint` checks the references of functions that are copied as text. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

function check(folder: string): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts/check-hot-code.js'), folder], { encoding: 'utf8' });
}

t.test('the hot code passes the check, which is part of npm run lint', (t) => {
  const { status, stderr } = check(join(root, 'src/table/hot'));
  t.equal(stderr, '');
  t.equal(status, 0);
  t.match(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.lint, /check-hot-code/);
  t.end();
});

for (const [what, line] of [
  ['a constant beside the function', 'const PASSES = 3;'],
  ['an import of values', "import { tagOf } from '../layout/bucket.js';"],
  ['a function beside the function', 'function isRow(row: number): boolean {'],
  ['a second exported function', 'export function makeOther(): void {}'],
] as const) {
  t.test(`${what} is rejected`, (t) => {
    const folder = t.testdir();
    cpSync(join(root, 'src/table/hot'), folder, { recursive: true });
    const path = join(folder, 'find.ts');
    writeFileSync(path, `${readFileSync(path, 'utf8')}${line}\n`);
    const { status, stderr } = check(folder);
    t.equal(status, 1);
    t.match(stderr, /find\.ts/);
    t.end();
  });
}
