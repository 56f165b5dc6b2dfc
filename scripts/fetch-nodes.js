/**
 * Downloads the newest Node 22 and 24 from the registry to `.nodes/22/node` and `.nodes/24/node`, for `npm run
 * test:nodes` and the package test. An existing binary is kept.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packageName = `node-linux-${process.arch}`;

for (const major of [22, 24]) {
  const folder = join(root, '.nodes', String(major));
  const link = join(folder, 'node');
  if (!existsSync(link)) {
    mkdirSync(folder, { recursive: true });
    // A separate package: otherwise npm would install into the nearest package in a parent folder.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    execFileSync('npm', ['install', '--ignore-scripts', '--no-package-lock', `${packageName}@${major}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    symlinkSync(join('node_modules', packageName, 'bin', 'node'), link);
  }
  console.log(`${link} ${execFileSync(link, ['--version'], { encoding: 'utf8' }).trim()}`);
}
