/**
 * Programs that bundle the package: each bundler finds the compiled addons, and its output runs in an empty folder,
 * minified. Jest loads the package without flags.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { PackedPackage, root } from '../house/packed-package.js';

const packed = new PackedPackage(t);
cpSync(join(root, 'test/compat/bundlers'), packed.folder, { recursive: true });
packed.run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', packed.archive]);

/** Runs the program in a copy of the output in an otherwise empty folder. */
function runAlone(output: string, program: string, options: readonly string[] = []): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-bundle-'));
  try {
    cpSync(join(packed.folder, output), folder, { recursive: true });
    return packed.run(process.execPath, [...options, program], folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [bundler, build, program] of [
  ['esbuild', ['esbuild.mjs'], 'app.js'],
  ['rollup', ['rollup.mjs'], 'app.cjs'],
  ['webpack', ['webpack.mjs'], 'app.js'],
  ['ncc', ['node_modules/@vercel/ncc/dist/ncc/cli.js', 'build', 'app.mjs', '-m', '-q', '-o', 'out/ncc'], 'index.mjs'],
  ['nft', ['nft.mjs'], 'app.mjs'],
] as const) {
  t.test(bundler, async (t) => {
    packed.run(process.execPath, build);
    t.equal(runAlone(`out/${bundler}`, program), 'ran to its end\n');
    const forbidden = runAlone(`out/${bundler}`, program, ['--disallow-code-generation-from-strings']);
    t.equal(forbidden, 'ran to its end\n', 'without code from strings');
  });
}

t.test('Jest', async (t) => {
  t.equal(packed.problemOf('npx', ['jest', '--ci']), undefined);
});
