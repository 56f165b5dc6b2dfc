/** The packages of the competitors: installed into a separate folder when the benchmark first needs them. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../bench/competitors/', import.meta.url));
const manifest = join(folder, 'package.json');
/** Records the Node version for which the packages were installed: another version must compile them again. */
const stamp = join(folder, 'node_modules', '.installed-for');

/** Installs them unless they are installed for this Node; returns a line about an error, if there was one. */
export function installCompetitors(): string | undefined {
  const digest = createHash('sha256').update(readFileSync(manifest)).digest('hex');
  const wanted = `${process.versions.modules} ${digest}\n`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  process.stderr.write('installing the packages of the competitors (some are compiled)\n');
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (npm.status !== 0) return `npm cannot install the packages of the competitors: ${npm.error ?? npm.stderr}`;
  writeFileSync(stamp, wanted);
  return undefined;
}

/** Loads a package; throws if it is not installed or was built for another Node. */
export const requireCompetitor = createRequire(manifest);
