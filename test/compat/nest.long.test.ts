/** Nest's CacheModule over shared memory: a second process returns what the first has cached. */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { PackedPackage, root } from '../house/packed-package.js';

t.test('processes share what CacheInterceptor stores', async (t) => {
  const packed = new PackedPackage(t);
  for (const file of ['package.json', 'app.mjs'])
    cpSync(join(root, 'test/compat/nest', file), join(packed.folder, file));
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
