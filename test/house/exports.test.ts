/** What a file exports is for other files: an export that nobody imports is dead, or its file's own business. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Of the package: what they export is for programs that are not here. */
const ENTRY_POINTS = ['src/index.ts', 'src/pools/index.ts', 'src/server/plugin.ts', 'src/table/test-clock.ts'];

/** Each section of the benchmark is loaded by a name that is put together. */
const LOADED = /^src\/bench\/sections\/[\w-]+\.ts: run$/;

/** Sums and copies that nobody reads: what makes them has to be done all the same while it is measured. */
const SINKS = ['src/bench/peer-jobs.ts: sumRead', 'src/bench/subjects/map.ts: copied'];

/** Types that the declarations of other files name, where these infer them. */
const INFERRED = [
  'src/table/layout/segment.ts: HeaderValues',
  'src/table/layout/table-memory.ts: Addresses',
  'src/table/own-writes.ts: OwnWrites',
];

/** Exported for tests alone, which cannot reach every case of them from outside. */
const FOR_TESTS = [
  'src/memory/known-options.ts: nearest',
  'src/memory/temporary-file.ts: removeRemains',
  'src/server/primary.ts: createTables',
];

const files = ['src', 'test', 'bench', 'examples', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name)),
);
const texts = new Map(files.map((path) => [path, codeOf(readFileSync(join(root, path), 'utf8'))]));

/** Without comments. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(^|\s)\/\/ .*$/gm, '$1');
}

/** Names in the braces of an import or export: `a`, `type B`, `c as d`; of the last, one of the two. */
function namesIn(braces: string, side: 'outside' | 'inside'): string[] {
  return braces
    .split(',')
    .map((item) => item.trim().replace(/^type\s+/, ''))
    .filter((item) => item !== '')
    .map((item) => {
      const [first, last = first] = item.split(/\s+as\s+/);
      return side === 'outside' ? first : last;
    });
}

/** The file of the sources that a module name means, from a file; undefined for a package. */
function fileOf(name: string, importer: string): string | undefined {
  const path = join(dirname(importer), name)
    .replace(/^dist\//, '')
    .replace(/\.js$/, '.ts');
  return name.startsWith('.') ? path : undefined;
}

function exportsOf(path: string): string[] {
  const text = texts.get(path) ?? '';
  const declared = text.matchAll(
    /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm,
  );
  const listed = text.matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  return [...[...declared].map(([, name]) => name), ...[...listed].flatMap(([, braces]) => namesIn(braces, 'inside'))];
}

/** `path: name` of everything that a file takes from others of the sources. */
function importsOf(path: string): string[] {
  const text = texts.get(path) ?? '';
  const taken: string[] = [];
  const take = (module: string, names: (target: string) => readonly string[]): void => {
    const target = fileOf(module, path);
    if (target !== undefined && texts.has(target)) {
      for (const name of names(target)) taken.push(`${target}: ${name}`);
    }
  };
  for (const [, braces, module] of text.matchAll(/^(?:im|ex)port (?:type )?(?:\w+, )?\{([^}]*)\} from '([^']+)'/gm)) {
    take(module, () => namesIn(braces, 'outside'));
  }
  // Whole modules may be handed on: whichever of their names anybody uses.
  for (const [, module] of text.matchAll(/\* as \w+ from\s*'([^']+)'/g)) {
    take(module, (target) => exportsOf(target).filter((name) => isNamed(name, target)));
  }
  // Of one that is loaded, the names that are there at all.
  for (const [, module] of text.matchAll(/(?:import\(|new URL\()\s*'([^']+)'/g)) {
    take(module, (target) => exportsOf(target).filter((name) => new RegExp(`\\b${name}\\b`).test(text)));
  }
  return taken;
}

/** Whether any file but its own has the word. */
function isNamed(name: string, path: string): boolean {
  const word = new RegExp(`\\b${name}\\b`);
  return [...texts].some(([other, text]) => other !== path && word.test(text));
}

const imports = new Map(files.map((path) => [path, new Set(importsOf(path))]));

t.test('what is exported is imported somewhere', async (t) => {
  const exported = files
    .filter((path) => path.startsWith('src/') && !ENTRY_POINTS.includes(path))
    .flatMap((path) => exportsOf(path).map((name) => ({ path, name: `${path}: ${name}` })));
  const importers = ({ path, name }: { path: string; name: string }) =>
    files.filter((other) => other !== path && imports.get(other)?.has(name));
  const unused = exported.filter((one) => importers(one).length === 0).map(({ name }) => name);
  t.same(
    unused.filter((name) => !LOADED.test(name) && ![...SINKS, ...INFERRED].includes(name)),
    [],
  );
  const forTests = exported
    .filter((one) => importers(one).length > 0 && importers(one).every((other) => other.startsWith('test/')))
    .map(({ name }) => name);
  t.same(forTests.sort(), FOR_TESTS, 'for tests alone');
});
