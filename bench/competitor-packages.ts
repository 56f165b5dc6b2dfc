/** The packages that the table is measured beside: installed when the benchmark first needs them, in a folder of their own. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../bench/competitors/', import.meta.url));
const manifest = join(folder, 'package.json');
/** Says for what the packages were installed: another Node needs them compiled anew. */
const stamp = join(folder, 'node_modules', '.installed-for');

/** Installs them unless they are there for this Node; a line about what went wrong, if something did. */
export function installCompetitors(): string | undefined {
  const digest = createHash('sha256').update(readFileSync(manifest)).digest('hex');
  const wanted = `${process.versions.modules} ${digest}\n`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  process.stderr.write('installing the packages to measure beside (some are compiled)\n');
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (npm.status !== 0) return `npm cannot install the packages to measure beside: ${npm.error ?? npm.stderr}`;
  writeFileSync(stamp, wanted);
  return undefined;
}

/** Loads one; throws when it is not installed or was built for another Node. */
export const requireCompetitor = createRequire(manifest);
