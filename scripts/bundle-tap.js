/**
 * Bundles tap, 200 files of many packages, into one below `dist/`, where the compiled tests find it before `node_modules/`.
 * That saves every test file 0.15 s of processor time, half of what starting it costs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'node_modules/tap/package.json'), 'utf8'));
const folder = join(root, 'dist/node_modules/tap');

// Tap omits its own frames from stacks, which it recognises by the names of its packages.
const contents = `
import { addIgnoredPackage } from '@tapjs/stack';
addIgnoredPackage('tap');
export * from 'tap';
export { default } from 'tap';
`;

await build({
  absWorkingDir: root,
  stdin: { contents, resolveDir: root },
  outfile: join(folder, 'index.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // CommonJS modules in the bundle require built-in modules of Node.
  banner: {
    js: "import { createRequire as requireFor } from 'node:module';\nconst require = requireFor(import.meta.url);",
  },
  logLevel: 'warning',
});
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify({ name: 'tap', version, type: 'module', exports: './index.js' })}\n`,
);
