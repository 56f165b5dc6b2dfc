/** Exports are for other files: an export that no file imports is dead code, or should not be exported. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The entry points of the package: their exports are for other programs. */
const ENTRY_POINTS = [
  'src/index.ts',
  'src/cache/index.ts',
  'src/cluster/index.ts',
  'src/adapters/keyv.ts',
  'src/adapters/session.ts',
  'src/adapters/rate-limit.ts',
  'src/adapters/unstorage.ts',
  'src/adapters/undici.ts',
  'src/adapters/next.ts',
  'src/pools/index.ts',
  'src/server/plugin.ts',
  'src/table/test-clock.ts',
];

/** Each section of the benchmark is loaded by a computed name. */
const LOADED = /^src\/bench\/sections\/[\w-]+\.ts: run$/;

/** Results of benchmarks that are never read: they keep the compiler from removing the measured work. */
const SINKS = ['src/bench/peer-jobs.ts: sumRead', 'src/bench/subjects/map.ts: copied'];

/** Types that appear in the declarations of other files, where they are inferred. */
const INFERRED = [
  'src/table/layout/segment.ts: HeaderValues',
  'src/table/layout/table-memory.ts: Addresses',
  'src/table/own-writes.ts: OwnWrites',
];

/** Exported only for tests, which cannot reach every case through the public interface. */
const FOR_TESTS = ['src/memory/known-options.ts: nearest', 'src/memory/temporary-file.ts: removeRemains'];

const files = ['src', 'test', 'bench', 'examples', 'scripts'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name) && !name.endsWith('.d.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name)),
);
const texts = new Map(files.map((path) => [path, codeOf(readFileSync(join(root, path), 'utf8'))]));

/** Source text without comments. */
function codeOf(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(^|\s)\/\/ .*$/gm, '$1');
}

/** Names in the braces of an import or export: `a`, `type B`, `c as d`; for the last, one of the two. */
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

/** The source file that a module name in a file refers to; undefined for a package. */
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

/** `path: name` of everything that a file imports from other source files. */
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
  // A module may be imported or re-exported as a whole: then all names that occur anywhere count.
  for (const [, module] of text.matchAll(/\* as \w+ from\s*'([^']+)'/g)) {
    take(module, (target) => exportsOf(target).filter((name) => isNamed(name, target)));
  }
  // A module that is loaded dynamically: the names that occur in the file.
  for (const [, module] of text.matchAll(/(?:import\(|new URL\()\s*'([^']+)'/g)) {
    take(module, (target) => exportsOf(target).filter((name) => new RegExp(`\\b${name}\\b`).test(text)));
  }
  return taken;
}

/** Whether the word occurs in any other file. */
function isNamed(name: string, path: string): boolean {
  const word = new RegExp(`\\b${name}\\b`);
  return [...texts].some(([other, text]) => other !== path && word.test(text));
}

const imports = new Map(files.map((path) => [path, new Set(importsOf(path))]));

t.test('every export is imported somewhere', async (t) => {
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
  t.same(forTests.sort(), FOR_TESTS, 'only by tests');
});
