/**
 * The package in other runtimes than Node, each from the registry: Deno, Bun for glibc, and Bun for musl under Debian's
 * musl, as on Alpine. The tour visits every backend and every part of the addon.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PackedPackage, root } from '../house/packed-package.js';

const processor = process.arch === 'arm64' ? 'aarch64' : process.arch;
const BUN = '1.4.5';
const DENO = '2.9.6';

const packed = new PackedPackage(t);
const runtimes = ['', '-musl'].map((libc) => `@oven/bun-linux-${processor}${libc}@${BUN}`);
const denoPackage = `@deno/linux-${process.arch}-glibc`;
// By force: the one for musl does not say that it runs here.
packed.run('npm', [
  'install',
  '--force',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-package-lock',
  packed.archive,
  ...runtimes,
  `${denoPackage}@${DENO}`,
]);
copyFileSync(join(root, 'dist/test/fixtures/tour.js'), join(packed.folder, 'tour.mjs'));

function tour(command: string, env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): string {
  return execFileSync(command, [...options, 'tour.mjs'], {
    cwd: packed.folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

const bun = (libc: string): string => join(packed.folder, `node_modules/@oven/bun-linux-${processor}${libc}/bin/bun`);

t.test('Node', async (t) => {
  t.equal(tour(process.execPath), 'toured\n');
});

t.test('Deno, the backends that need no access to files by descriptors', async (t) => {
  const deno = join(packed.folder, 'node_modules', denoPackage, 'deno');
  const options = ['run', '--allow-all', '--node-modules-dir=manual'];
  t.equal(tour(deno, { TOUR_BACKENDS: 'posix,anonymous' }, options), 'toured\n');
});

t.test('Bun', async (t) => {
  t.equal(tour(bun('')), 'toured\n');
});

t.test('Bun on musl', { skip: processor !== 'x64' && 'Debian has no musl headers of another processor' }, async (t) => {
  const libraries = join(packed.folder, 'libraries');
  mkdirSync(libraries);
  const host = join(libraries, 'ld-linux-x86-64.so.2');
  const source = join(root, 'native/test/musl_host.c');
  packed.run('musl-gcc', ['-O1', '-Wall', '-Werror', '-shared', '-fPIC', '-o', host, source]);
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    const path = packed.run('g++', [`-print-file-name=${name}`]).trim();
    copyFileSync(realpathSync(path), join(libraries, name));
  }
  const env = { LD_PRELOAD: host, LD_LIBRARY_PATH: libraries };
  const libc = execFileSync(
    bun('-musl'),
    ['-e', "console.log(require('fs').readFileSync('/proc/self/maps', 'utf8'))"],
    {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    },
  );
  t.match(libc, /musl/);
  t.notMatch(libc, /libc\.so\.6/, 'glibc is not loaded');
  t.equal(tour(bun('-musl'), env), 'toured\n');
});
