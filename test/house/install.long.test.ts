/**
 * The package as npm installs it, on this Node and on the other release lines that `npm run test:nodes` has fetched.
 */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PackedPackage, root } from './packed-package.js';

const fetched = ['22', '24'].map((major) => join(root, '.nodes', major, 'node')).filter((path) => existsSync(path));
const nodes = [...new Set([process.execPath, ...fetched.map((path) => realpathSync(path))])];

const packed = new PackedPackage(t);
packed.run('npm', [
  'install',
  '--ignore-scripts',
  '--engine-strict',
  '--prefer-offline',
  '--no-package-lock',
  packed.archive,
]);

t.test('the example of the README works with import and require', async (t) => {
  for (const node of nodes) packed.testExample(t, node);
});

t.test('every entry point can be imported and required', async (t) => {
  for (const node of nodes) packed.testEntries(t, node);
});

t.test('the command starts', async (t) => {
  for (const node of nodes) t.match(packed.run(node, ['node_modules/.bin/shmtable', '--help']), /serve/);
});
