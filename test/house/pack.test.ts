/**
 * The contents of the package, which works with only its declared dependencies. `install.long.test.ts` lets npm install
 * it.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { example, manifest, PackedPackage, root } from './packed-package.js';

const packed = new PackedPackage(t);
const { paths } = packed;

t.test('the package contains the program, the sources of its addon, and the documents', async (t) => {
  const travels =
    /^(dist\/lib\/.*\.m?js|dist\/lib\/static\/.*|dist\/lib\/console\/(index\.html|app\.js|app\.css|icon\.svg)|dist\/lib\/(package\.json|LICENSES\.txt)|dist\/src\/.*\.d\.ts|prebuilds\/.*\.node|openapi\/.*\.(json|yaml)|docs\/(recipes\/)?[\w-]+\.(md|svg)|native\/.*|scripts\/build-native\.js|(README|CHANGELOG)\.md|LICENSE|package\.json)$/;
  t.same(
    paths.filter((path) => !travels.test(path)),
    [],
  );
  for (const needed of [
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'native/binding.gyp',
    'dist/lib/LICENSES.txt',
    'dist/lib/console/index.html',
    'dist/lib/console/app.js',
    'dist/lib/console/app.css',
    'prebuilds/linux-x64/shmtable.node',
  ]) {
    t.ok(paths.includes(needed), needed);
  }
  t.notOk(paths.includes('binding.gyp'), 'in the root of a dependency, npm ci would compile the addon');
});

t.test('every file that a document of the package links to is in the package', async (t) => {
  for (const path of paths.filter((path) => path.endsWith('.md'))) {
    const links = [...readFileSync(join(root, path), 'utf8').matchAll(/\]\(([^)\s#]+)[^)]*\)/g)].map(
      ([, link]) => link,
    );
    const missing = links.filter((link) => !link.includes('://') && !paths.includes(join(dirname(path), link)));
    t.same(missing, [], path);
  }
  t.ok(paths.includes('docs/api.md'), 'the reference');
});

t.test('every export leads to a file of the package', async (t) => {
  for (const [name, targets] of Object.entries(manifest.exports)) {
    for (const target of typeof targets === 'string' ? [targets] : Object.values(targets)) {
      t.ok(paths.includes(target.slice(2)), `${name}: ${target}`);
    }
  }
});

const modules = join(packed.folder, 'node_modules');
mkdirSync(join(modules, 'shmtable'), { recursive: true });
packed.run('tar', ['-xzf', packed.archive, '--strip-components=1', '-C', join(modules, 'shmtable')]);

t.test('the example of the README works with import and require', async (t) => {
  packed.testExample(t, process.execPath);
});

t.test('every entry point can be imported and required', async (t) => {
  packed.testEntries(t, process.execPath);
});

t.test('the command starts', async (t) => {
  const command = join(modules, 'shmtable', manifest.bin.shmtable);
  t.match(packed.run(process.execPath, [command, '--help']), /serve/);
});

/** The adapters: their declarations need no types of their libraries. */
const adapters = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== 'string' && target.types.includes('/adapters/'))
  .map(([path]) => path.replace(/^\./, 'shmtable'));

t.test('a program that uses the package type-checks with nodenext', async (t) => {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  const consumers = {
    'embedded.mts': example,
    'embedded.cts': example,
    'cache.mts':
      "import { Cache, type CacheOptions } from 'shmtable/cache';\nconst options: CacheOptions<{ n: number }> = { name: 'c', codec: 'v8' };\nexport const load = (): Promise<{ n: number } | undefined> => Cache.open(options).getOrSet('k', async () => ({ n: 1 }));\n",
    'pools.mts': "export { FixedPool, Segment } from 'shmtable/pools';\n",
    'testing.mts':
      "import { type TestClock, useTestClock } from 'shmtable/testing';\nexport const clock: TestClock = useTestClock(0);\n",
    'adapters.mts': adapters.map((name, i) => `export * as adapter${i} from '${name}';\n`).join(''),
    'plugin.mts': "export * from 'shmtable/fastify';\n",
  };
  for (const [file, text] of Object.entries(consumers)) packed.write(file, text);
  const plugin = ['plugin.mts'];
  for (const { files, skipLibCheck } of [
    { files: Object.keys(consumers).filter((file) => !plugin.includes(file)), skipLibCheck: false },
    // Only the types of the plugin are checked, not those of everything that it imports.
    { files: plugin, skipLibCheck: true },
  ]) {
    packed.write('tsconfig.json', JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck }, files }));
    t.equal(packed.problemOf(join(root, 'node_modules/.bin/tsc'), ['-p', '.']), undefined, files.join(', '));
  }
});
