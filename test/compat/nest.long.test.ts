/** Nest's CacheModule over shared memory: a second process returns what the first has cached. */
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { PackedPackage, root } from '../house/packed-package.js';

t.test('processes share what CacheInterceptor stores', async (t) => {
  const packed = new PackedPackage(t);
  const app = join(root, 'test/compat/nest');
  cpSync(join(app, 'package.json'), join(packed.folder, 'package.json'));
  const tsconfigRaw = { compilerOptions: { experimentalDecorators: true } };
  const source = readFileSync(join(app, 'app.ts'), 'utf8');
  packed.write('app.mjs', transformSync(source, { loader: 'ts', target: 'es2022', tsconfigRaw }).code);
  packed.run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', packed.archive]);
  const namespace = `nest-${process.pid}`;
  t.teardown(() => Cache.destroy('nest', { namespace }));
  const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
  const run = () => execFileSync(process.execPath, ['app.mjs'], { cwd: packed.folder, env, encoding: 'utf8' });
  const first = run();
  const [one, other] = first.trim().split('\n');
  t.match(JSON.parse(one), { report: 1 });
  t.equal(one, other);
  t.equal(run(), first);
});
