/**
 * Builds the native addon into `prebuilds/linux-<arch>/shmtable.node`, unless that file is newer than every source, so
 * that `npm install` need not compile. `--force` always builds; `--arch x64` and `--arch arm64` build for another
 * processor than this one, with Debian's cross compiler.
 *
 * The package has its binding.gyp in `native`, because npm compiles any dependency that has one in its root: from a
 * lockfile even if its package.json says `"gypfile": false`, which a lockfile does not contain. The one in the root of
 * the repository leads there.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { force: { type: 'boolean', default: false }, arch: { type: 'string', default: process.arch } },
});
const { arch, force } = values;

const root = fileURLToPath(new URL('..', import.meta.url));
const native = join(root, 'native');
const folder = existsSync(join(root, 'binding.gyp')) ? root : native;
const target = join(root, 'prebuilds', `linux-${arch}`, 'shmtable.node');

function newestSourceMs() {
  const sources = readdirSync(native).filter((name) => name !== 'build');
  return Math.max(...sources.map((name) => statSync(join(native, name)).mtimeMs));
}

/** The compiler for another processor; the variables are those of the makefiles that node-gyp writes. */
function crossCompiler() {
  const prefix = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[arch];
  if (prefix === undefined) throw new Error(`no cross compiler for ${arch}: only for x64 and arm64`);
  return { CC: `${prefix}-gcc`, CXX: `${prefix}-g++`, LINK: `${prefix}-g++` };
}

if (!force && existsSync(target) && statSync(target).mtimeMs > newestSourceMs()) process.exit(0);

// npm adds node_modules/.bin to the search path of a script, but this may also be called directly.
const bin = join(root, 'node_modules', '.bin', 'node-gyp');
execFileSync(existsSync(bin) ? bin : 'node-gyp', ['rebuild', `--arch=${arch}`], {
  cwd: folder,
  stdio: 'inherit',
  env: { ...process.env, ...(arch === process.arch ? {} : crossCompiler()) },
});

// Renamed into place, so that a process that has the old file mapped keeps it intact.
const fresh = `${target}.${process.pid}`;
mkdirSync(join(target, '..'), { recursive: true });
copyFileSync(join(folder, 'build', 'Release', 'shmtable.node'), fresh);
renameSync(fresh, target);
