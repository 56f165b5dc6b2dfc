/** An adapter loads its own code and the cache, but neither its library nor the service. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest: {
  exports: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** What `npm run test:long` installs. */
const { dependencies: installed }: { dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'test/compat/next/package.json'), 'utf8'),
);
const adapters = Object.entries(manifest.exports).filter(([, target]) => target.startsWith('./dist/src/adapters/'));

/** Lists the modules that are loaded with an entry point: a loader hook prints the URL of each. */
const PROGRAM = `
import { createRequire, register } from 'node:module';
const hook = 'export async function load(url, context, next) { process._rawDebug(url); return next(url, context); }';
register('data:text/javascript,' + encodeURIComponent(hook));
await import('shmtable' + process.argv[1].slice(1));
for (const path of Object.keys(createRequire(import.meta.url).cache)) process._rawDebug(path);
`;

t.test('importing an adapter loads no other adapter, no library and not the service', async (t) => {
  t.not(adapters.length, 0);
  for (const [name, target] of adapters) {
    const args = ['--input-type=module', '--eval', PROGRAM, name];
    const { stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    t.equal(status, 0, name);
    const loaded = stderr.split('\n');
    t.ok(
      loaded.some((path) => path.endsWith(target.slice(1))),
      `${name} is loaded`,
    );
    const entries = adapters.map(([, other]) => other.slice(1)).filter((other) => other !== target.slice(1));
    const surplus = loaded.filter(
      (path) =>
        /\/src\/(server|json|bench|cli)\//.test(path) ||
        /\/node_modules\/(?!xxhash-wasm\/)/.test(path) ||
        entries.some((entry) => path.endsWith(entry)),
    );
    t.same(surplus, [], name);
  }
});

t.test('the library of an adapter is an optional peer, and not a dependency', async (t) => {
  for (const name of Object.keys(manifest.peerDependencies)) {
    t.equal(manifest.peerDependenciesMeta[name]?.optional, true, name);
    t.ok(name in { ...manifest.dependencies, ...manifest.devDependencies, ...installed }, `${name} is tested`);
  }
});
