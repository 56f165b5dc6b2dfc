import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Lowest first: a file may import from its own layer and from those before it. */
const LAYERS = [
  'memory',
  'pools',
  'table',
  'cache',
  'cluster',
  'adapters',
  'json',
  'console',
  'server',
  'bench',
  'cli',
];

const ignoredFolders = readFileSync(join(root, '.gitignore'), 'utf8')
  .split('\n')
  .filter((line) => line.endsWith('/'))
  .map((line) => line.slice(0, -1));

/** Paths, from the root, of all files that Git does not ignore. */
function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name === '.git' || ignoredFolders.includes(entry.name) || ignoredFolders.includes(path)) return [];
    if (entry.isDirectory()) return listFiles(path);
    return entry.isFile() && !/\.(log|tgz)$/.test(entry.name) ? [path] : [];
  });
}

const files = listFiles('');
const sources = files.filter((path) => path.startsWith('src/') && /\.c?ts$/.test(path));

/** The files that a source file imports, re-exports or loads by a literal name; `statSync` fails if one is missing. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']*)'/g)].map((match) => {
    const target = join(root, dirname(path), String(match[1]).replace(/\.(c?)js$/, '.$1ts'));
    statSync(target);
    return relative(root, target);
  });
}

t.test(
  'imports point down: cli -> bench -> server -> json -> adapters -> cluster -> cache -> table -> pools -> memory',
  async (t) => {
    const upward = sources.flatMap((path) => {
      const from = path === 'src/index.ts' ? 'table' : String(path.split('/')[1]);
      return importsOf(path)
        .filter((imported) => imported !== 'src/errors.ts')
        .filter((imported) => !(LAYERS.indexOf(String(imported.split('/')[1])) <= LAYERS.indexOf(from)))
        .map((imported) => `${path} imports ${imported}`);
    });
    t.same(upward, []);
  },
);

t.test('no file imports itself, directly or indirectly', async (t) => {
  const imports = new Map(sources.map((path) => [path, importsOf(path)]));
  const done = new Set<string>();
  const follow = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const imported of imports.get(path) ?? []) {
      const circle = follow(imported, [...way, path]);
      if (circle !== undefined) return circle;
    }
    done.add(path);
    return undefined;
  };
  t.same(
    sources.map((path) => follow(path, [])).filter((circle) => circle !== undefined),
    [],
  );
});

t.test('src/errors.ts imports nothing', async (t) => {
  t.same(importsOf('src/errors.ts'), []);
});

t.test('every file of src belongs to a layer', async (t) => {
  const strays = sources.filter((path) => !LAYERS.includes(String(path.split('/')[1])));
  t.same(strays.sort(), ['src/errors.ts', 'src/index.ts']);
});

t.test('no file has a meaningless name', async (t) => {
  const vague = files.filter((path) =>
    path.split('/').some((part) => /^(utils?|helpers?|common|misc)(\.|$)/.test(part)),
  );
  t.same(vague, []);
});

t.test('nothing in the repository refers to the machine where it was written', async (t) => {
  const self = relative(root, fileURLToPath(import.meta.url)).replace(/^dist\/(.*)\.js$/, '$1.ts');
  const forbidden =
    /\/work\/|\.\.\/shared\b|\bfarm-|registry\.(npmjs|yarnpkg|npmmirror)|\b([Ii]ssue|[Tt]icket) #?\d|\b(TODO|FIXME|XXX)\b/;
  const found = files
    .filter((path) => path !== self)
    .map((path) => ({ path, bytes: readFileSync(join(root, path)) }))
    .filter(({ bytes }) => !bytes.includes(0))
    .map(({ path, bytes }) => ({ path, mention: bytes.toString('utf8').match(forbidden)?.[0] }))
    .filter(({ mention }) => mention !== undefined);
  t.same(found, []);
});
