/**
 * Bundles the console, the page of the service, from `src/console` into a folder: one script, one style sheet and the
 * document that loads them. They are loaded as files, because the page's policy allows nothing inline.
 */
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src/console');

/**
 * What the console uses of a table, its schema and layout, is arithmetic. These are the parts of Node, and of the layer
 * below, that its modules name; esbuild reports any other.
 */
const STAND_INS = {
  memory: `
export { checkOptions } from './known-options.js';
export const BACKEND_NAMES = [];
export const DEFAULT_BACKEND = 'posix';
export const wallTimeMs = () => Date.now();
`,
  util: 'export const types = new Proxy({}, { get: () => () => false });',
};

const standIns = {
  name: 'stand-ins',
  setup(build) {
    build.onLoad({ filter: /src\/memory\/index\.ts$/ }, ({ path }) => ({
      contents: STAND_INS.memory,
      loader: 'js',
      resolveDir: dirname(path),
    }));
    build.onResolve({ filter: /^node:util$/ }, ({ path }) => ({ path, namespace: 'stand-in' }));
    build.onLoad({ filter: /.*/, namespace: 'stand-in' }, () => ({ contents: STAND_INS.util, loader: 'js' }));
  },
};

/** Writes the files of the console, and returns what esbuild knows about them. */
export async function bundleConsole(folder) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { app: join(source, 'main.ts'), styles: join(source, 'app.css') },
    outdir: folder,
    entryNames: 'app',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    legalComments: 'none',
    // Of Buffer only this function is used; where a module creates one, the result is not.
    define: { 'Buffer.byteLength': 'byteLengthOf' },
    inject: [join(root, 'scripts/byte-length.js')],
    pure: ['Buffer.from'],
    plugins: [standIns],
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of ['index.html', 'icon.svg']) cpSync(join(source, file), join(folder, file));
  return metafile;
}
