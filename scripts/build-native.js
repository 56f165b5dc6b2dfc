/**
 * Builds the native addon into `prebuilds/linux-<arch>/shmtable.node`, or does nothing when that file is newer than
 * every source: `npm install` then costs no compile. `--force` builds all the same.
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

// npm puts node_modules/.bin on the path of a script; called by hand there is no such path.
const bin = join(root, 'node_modules', '.bin', 'node-gyp');
execFileSync(existsSync(bin) ? bin : 'node-gyp', ['rebuild'], { cwd: root, stdio: 'inherit' });

// Renamed into place: a process that has the old file mapped keeps it whole.
const fresh = `${target}.${process.pid}`;
mkdirSync(join(target, '..'), { recursive: true });
copyFileSync(join(root, 'build', 'Release', 'shmtable.node'), fresh);
renameSync(fresh, target);
