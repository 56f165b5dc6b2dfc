/** Loading the package without a working native addon. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A copy of the package without its addon, and the result of a program that imports it. */
function copyOfPackage(t: Test): { folder: string; load(): string } {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-addon-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(root, 'dist', 'src'), join(folder, 'dist', 'src'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const program = `import('./dist/src/index.js').then(() => console.log('loaded'), (error) => console.log(String(error), error.code))`;
  const load = (): string =>
    spawnSync(process.execPath, ['-e', program], { cwd: folder, encoding: 'utf8' }).stdout.trim();
  return { folder, load };
}

t.test('without an addon for the platform, ERR_ADDON_MISSING names the places that were searched', async (t) => {
  const { folder, load } = copyOfPackage(t);
  t.match(load(), /^ShmTableError: .*missing for linux-.*prebuilds.*npm run build:native.* ERR_ADDON_MISSING$/);
  rmSync(join(folder, 'package.json'));
  t.match(load(), /^ShmTableError: no package\.json of shmtable in .* ERR_ADDON_MISSING$/);
});

t.test('if the addon cannot be loaded, ERR_ADDON_MISSING says why', async (t) => {
  const { folder, load } = copyOfPackage(t);
  const prebuilt = join(folder, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(prebuilt, { recursive: true });
  writeFileSync(join(prebuilt, 'shmtable.node'), 'not an addon');
  t.match(load(), /^ShmTableError: .*shmtable\.node cannot be loaded: .* ERR_ADDON_MISSING$/);
});
