/** `npm run lint` checks the references of functions that are copied as text. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The text of a longer copy stays in memory until a late garbage collection, 16 KiB for each table. */
const MAX_TEXT_BYTES = 16 * 1024;

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

t.test('each function is short enough for V8 to release the text of its copies', (t) => {
  const folder = join(root, 'dist/src/table/hot');
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.js')) continue;
    const { size } = statSync(join(folder, name));
    t.ok(size < MAX_TEXT_BYTES, `${name} has ${size} bytes`);
  }
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
