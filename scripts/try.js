/**
 * Runs one program, usually a test, from its source, without the compiler:
 *
 *   npm run try test/table/increment.test.ts [ARGUMENT ...]
 *
 * esbuild strips the types of every source file into `.try/`, which has the structure of `dist/`, so fixtures, workers
 * and everything else with a path relative to a module are found as after a build. Types are not checked.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = join(root, '.try');
const FOLDERS = ['src', 'test', 'bench', 'examples'];

const [program, ...args] = process.argv.slice(2);
const path = relative(root, resolve(program ?? ''));
if (
  !path.endsWith('.ts') ||
  !FOLDERS.some((folder) => path.startsWith(`${folder}/`)) ||
  !existsSync(resolve(program))
) {
  console.error(`usage: npm run try FILE [ARGUMENT ...], where FILE is a .ts file in ${FOLDERS.join(', ')}`);
  process.exit(2);
}

const sources = FOLDERS.flatMap(sourcesIn);
const options = {
  absWorkingDir: root,
  outdir: output,
  outbase: '.',
  platform: 'node',
  target: 'es2022',
  sourcemap: 'inline',
  logLevel: 'warning',
};
await build({ ...options, entryPoints: sources.filter((name) => name.endsWith('.ts')), format: 'esm' });
await build({
  ...options,
  entryPoints: sources.filter((name) => name.endsWith('.cts')),
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
});
resolvePackageTo(output);

const child = spawn(process.execPath, ['--enable-source-maps', join(output, path.replace(/\.ts$/, '.js')), ...args], {
  stdio: 'inherit',
  env: { TAP_TIMEOUT: '120', ...process.env },
});
// The terminal sends its signals to both processes.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 1;
  if (signal !== null) console.error(`${path} was ended by ${signal}`);
});

/** Source files of a folder, without the packages that benchmarks install below it. */
function sourcesIn(folder) {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.c?ts$/.test(name) && !/\.d\.c?ts$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}

/**
 * Makes `import 'shmtable'` in these files refer to these files. With the package.json of the project it would refer to
 * `dist/`, so they get another one without a name, and a package of this name next to it.
 */
function resolvePackageTo(folder) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const sourceOf = ({ types }) => types.replace(/^.*\/src\/(.*)\.d\.ts$/, './src/$1.js');
  const exports = Object.fromEntries(
    Object.entries(manifest.exports).map(([path, target]) => [path, target.types ? sourceOf(target) : target]),
  );
  const self = join(folder, 'node_modules', 'shmtable');
  mkdirSync(self, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(self, 'package.json'), JSON.stringify({ ...manifest, exports }));
  if (!existsSync(join(self, 'src'))) symlinkSync('../../src', join(self, 'src'));
}
