/** An adapter loads its own code and the cache, but neither its library nor the service. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest: {
  exports: Record<string, { import: string } | string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  devDependencies: Record<string, string>;
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** What `npm run test:long` installs. */
const { dependencies: installed }: { dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'test/compat/next/package.json'), 'utf8'),
);
/** The source files in each file of `dist/lib`. */
const sources: Record<string, readonly string[]> = JSON.parse(
  readFileSync(join(root, 'dist/lib-sources.json'), 'utf8'),
);
const adapters = readdirSync(join(root, 'src/adapters'))
  .map((name) => basename(name, '.ts'))
  .filter((name) => `./${name}` in manifest.exports);

/** Prints the files that are loaded with an entry point. */
const PROGRAM = `
await import('shmtable/' + process.argv[1]);
const { createRequire } = await import('node:module');
console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'));
`;

/** The source files that are loaded with an entry point. */
function loadedWith(name: string): string[] {
  const args = ['--input-type=module', '--eval', PROGRAM, name];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((path) => relative(join(root, 'dist/lib'), path))
    .flatMap((path) => sources[path] ?? (path.endsWith('.node') ? [] : [path]));
}

t.test('importing an adapter loads no other adapter, no library and not the service', async (t) => {
  t.not(adapters.length, 0);
  for (const name of adapters) {
    const loaded = loadedWith(name);
    const entry = `src/adapters/${name}.ts`;
    t.ok(loaded.includes(entry), `${name} is loaded`);
    const surplus = loaded.filter(
      (path) =>
        !/^(src\/(errors\.ts|index\.ts|(memory|pools|table|cache|adapters)\/)|node_modules\/xxhash-wasm\/)/.test(
          path,
        ) ||
        (path !== entry && adapters.some((other) => path === `src/adapters/${other}.ts`)),
    );
    t.same(surplus, [], name);
  }
});

t.test('the library of an adapter is an optional peer, and not a dependency', async (t) => {
  for (const name of Object.keys(manifest.peerDependencies)) {
    t.equal(manifest.peerDependenciesMeta[name]?.optional, true, name);
    t.ok(name in { ...manifest.devDependencies, ...installed }, `${name} is tested`);
  }
});
