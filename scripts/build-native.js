/**
 * Builds the native addon into `prebuilds/linux-<arch>/shmtable.node`, unless that file is newer than every source, so
 * that `npm install` need not compile. `--force` always builds.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'prebuilds', `linux-${process.arch}`, 'shmtable.node');

function newestSourceMs() {
  const sources = readdirSync(join(root, 'native'), { recursive: true }).map((name) => join(root, 'native', name));
  return Math.max(...[join(root, 'binding.gyp'), ...sources].map((path) => statSync(path).mtimeMs));
}

if (!process.argv.includes('--force') && existsSync(target) && statSync(target).mtimeMs > newestSourceMs()) {
  process.exit(0);
}

// npm adds node_modules/.bin to the search path of a script, but this may also be called directly.
const bin = join(root, 'node_modules', '.bin', 'node-gyp');
execFileSync(existsSync(bin) ? bin : 'node-gyp', ['rebuild'], { cwd: root, stdio: 'inherit' });

// Renamed into place, so that a process that has the old file mapped keeps it intact.
const fresh = `${target}.${process.pid}`;
mkdirSync(join(target, '..'), { recursive: true });
copyFileSync(join(root, 'build', 'Release', 'shmtable.node'), fresh);
renameSync(fresh, target);
