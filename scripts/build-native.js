/**
 * Builds the native addon into `prebuilds/linux-<arch>/shmtable.node`, unless that file is newer than every source, so
 * that `npm install` need not compile. `--force` always builds.
 *
 * The package has its binding.gyp in `native`, because npm compiles any dependency that has one in its root: from a
 * lockfile even if its package.json says `"gypfile": false`, which a lockfile does not contain. The one in the root of
 * the repository leads there.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const native = join(root, 'native');
const folder = existsSync(join(root, 'binding.gyp')) ? root : native;
const target = join(root, 'prebuilds', `linux-${process.arch}`, 'shmtable.node');

function newestSourceMs() {
  const sources = readdirSync(native).filter((name) => name !== 'build');
  return Math.max(...sources.map((name) => statSync(join(native, name)).mtimeMs));
}

if (!process.argv.includes('--force') && existsSync(target) && statSync(target).mtimeMs > newestSourceMs()) {
  process.exit(0);
}

// npm adds node_modules/.bin to the search path of a script, but this may also be called directly.
const bin = join(root, 'node_modules', '.bin', 'node-gyp');
execFileSync(existsSync(bin) ? bin : 'node-gyp', ['rebuild'], { cwd: folder, stdio: 'inherit' });

// Renamed into place, so that a process that has the old file mapped keeps it intact.
const fresh = `${target}.${process.pid}`;
mkdirSync(join(target, '..'), { recursive: true });
copyFileSync(join(folder, 'build', 'Release', 'shmtable.node'), fresh);
renameSync(fresh, target);
