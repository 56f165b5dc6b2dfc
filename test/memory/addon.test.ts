/** Loading the package without a working native addon. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const platform = `${process.platform}-${process.arch}`;

/** A copy of the package without its addon, and the result of a program that imports it. */
function copyOfPackage(t: Test): { folder: string; load(env?: NodeJS.ProcessEnv): string } {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-addon-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  cpSync(join(root, 'dist', 'src'), join(folder, 'dist', 'src'), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const program = `import('./dist/src/index.js').then(() => console.log('loaded'), (error) => console.log(String(error), error.code))`;
  const load = (env: NodeJS.ProcessEnv = {}): string =>
    spawnSync(process.execPath, ['-e', program], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    }).stdout.trim();
  return { folder, load };
}

t.test('without an addon for the platform, ERR_ADDON_MISSING says what was looked for and what to do', async (t) => {
  const { folder, load } = copyOfPackage(t);
  const message = load();
  t.match(
    message,
    new RegExp(`^ShmTableError: .*for ${platform} .*prebuilds/${platform}/shmtable\\.node in the package`),
  );
  t.match(message, /Reinstall the package;.*SHMTABLE_ADDON;.*npm run build:native" ERR_ADDON_MISSING$/);
  const copy = join(folder, 'elsewhere.node');
  copyFileSync(join(root, 'prebuilds', platform, 'shmtable.node'), copy);
  t.equal(load({ SHMTABLE_ADDON: copy }), 'loaded', 'a file that SHMTABLE_ADDON names');
  t.equal(load({ SHMTABLE_ADDON: './elsewhere.node' }), 'loaded', 'relative to the working directory');
});

t.test('if the addon cannot be loaded, ERR_ADDON_MISSING says why', async (t) => {
  const { folder, load } = copyOfPackage(t);
  const prebuilt = join(folder, 'prebuilds', platform);
  mkdirSync(prebuilt, { recursive: true });
  writeFileSync(join(prebuilt, 'shmtable.node'), 'not an addon');
  t.match(load(), /^ShmTableError: .*shmtable\.node: (file too short|invalid ELF header).* ERR_ADDON_MISSING$/);
  t.match(
    load({ SHMTABLE_ADDON: 'missing.node' }),
    /^ShmTableError: .*from missing\.node, which SHMTABLE_ADDON names: .*No such file.*Unset SHMTABLE_ADDON.* ERR_ADDON_MISSING$/,
  );
});
