import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly engines?: { readonly node?: string };
}

const manifest: { engines: { node: string } } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
);
const installed = Object.entries(lock.packages).filter(([path]) => path !== '');

t.test('every dependency supports the oldest Node of each line that shmtable supports', async (t) => {
  for (const oldest of ['20.19.0', '22.12.0', '24.0.0']) {
    t.ok(semver.satisfies(oldest, manifest.engines.node), `shmtable supports ${oldest}`);
    const refusing = installed
      .filter(([, { engines }]) => !semver.satisfies(oldest, engines?.node ?? '*'))
      .map(([path, { version, engines }]) => `${path}@${version} wants ${engines?.node}`);
    t.same(refusing, [], `every dependency supports ${oldest}`);
  }
});

t.test('the lock file names no registry', async (t) => {
  t.same(
    installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    [],
  );
});

t.test('npm ci --engine-strict accepts the lock file', async (t) => {
  const folder = t.testdir();
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(root, name), join(folder, name));
  const npm = spawnSync('npm', ['ci', '--engine-strict', '--dry-run', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  t.equal(npm.status, 0, npm.stderr);
});
