/**
 * Bundles what the package publishes into `dist/lib`, from the sources in `src`.
 *
 * - The modules are CommonJS, which `require` loads everywhere, also in Jest, with a thin ES module beside each entry
 *   point for `import`. So a process that uses both has one copy of the code and of its state.
 * - Libraries are part of the bundle, so the package has no dependencies: a program that uses only tables downloads and
 *   loads nothing of the service. `dist/lib/LICENSES.txt` has their licences.
 * - What several entry points share is in chunks; what a command loads later, by `import()`, is in others.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { bundleConsole } from './bundle-console.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist', 'lib');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Entry points by name: those of the package, the command, and the programs that these start. */
const ENTRIES = {
  ...Object.fromEntries(
    Object.values(manifest.exports)
      .filter(({ types }) => types !== undefined)
      .map(({ types, import: module }) => [
        basename(module, '.mjs'),
        types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts'),
      ]),
  ),
  main: 'src/cli/main.ts',
  worker: 'src/server/worker.ts',
  'large-table-thread': 'src/server/large-table-thread.ts',
  'feed-thread': 'src/cluster/feed-thread.ts',
  'section-process': 'src/bench/section-process.ts',
  'peer-process': 'src/bench/peer-process.ts',
  ...Object.fromEntries(
    readdirSync(join(root, 'src/bench/sections')).map((name) => [
      `sections/${basename(name, '.ts')}`,
      `src/bench/sections/${name}`,
    ]),
  ),
};

/**
 * A peer of `shmtable/fastify`, whose types name it, and the library of the service: the service runs the one in the bundle,
 * since nothing else need be installed for `shmtable serve`.
 */
const SERVICE_LIBRARY = 'fastify';

/** A compiled addon stays a file of its own, which each bundle requires by its place in the package. */
const addons = {
  name: 'addons',
  setup(build) {
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({
      path: path.replace(/^(\.\.\/)+/, '../../'),
      external: true,
    }));
  },
};

const DOCS_PAGE = join(root, 'node_modules/@fastify/swagger-ui/static');

/** The files of the page at `/docs`, which the service reads from a folder beside its code. */
const docsPage = {
  name: 'docs-page',
  setup(build) {
    build.onLoad({ filter: /@fastify\/swagger-ui\/lib\/routes\.js$/ }, ({ path }) => {
      const parts = readFileSync(path, 'utf8').split("path.join(__dirname, '..', 'static')");
      if (parts.length !== 2) throw new Error('@fastify/swagger-ui serves its page from another folder');
      return { contents: parts.join("path.join(__dirname, 'static')"), loader: 'js' };
    });
  },
};

/** Replaces `src/table/hot-text.ts` by a module that contains the texts. */
const hotTexts = {
  name: 'hot-texts',
  setup(build) {
    build.onLoad({ filter: /src\/table\/hot-text\.ts$/ }, async () => {
      const hot = join(root, 'src/table/hot');
      const texts = {};
      for (const name of readdirSync(hot)) {
        const { code } = await transform(readFileSync(join(hot, name), 'utf8'), { loader: 'ts', target: 'es2022' });
        const start = code.indexOf('function ');
        texts[name.replace(/\.ts$/, '.js')] = code.slice(start, code.indexOf('\n}', start) + 2);
      }
      return {
        contents: `
const texts = ${JSON.stringify(texts)};
export const hotText = (file) => ({ text: texts[file], origin: 'hot/' + file });
`,
        loader: 'js',
      };
    });
  },
};

rmSync(folder, { recursive: true, force: true });
const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ENTRIES,
  outdir: folder,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  chunkNames: 'chunk-[hash]',
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
  external: Object.keys(manifest.peerDependencies).filter((name) => name !== SERVICE_LIBRARY),
  plugins: [addons, hotTexts, docsPage],
});

checkOrder(metafile.outputs);
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, toCommonJs(await withConstants(withClassNames(text))));
}
// The version is read from the nearest manifest of this name.
const { name, version } = manifest;
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify({ name, version, type: 'commonjs', exports: { './package.json': './package.json' } })}\n`,
);
writeModules();
cpSync(DOCS_PAGE, join(folder, 'static'), { recursive: true, filter: (path) => !path.endsWith('/swagger-ui.js') });
// For the tests: which sources are in each file.
writeFileSync(join(root, 'dist', 'lib-sources.json'), JSON.stringify(sources(metafile)));
if (process.argv.includes('--sizes')) console.table(sizes(metafile));
const consoleFiles = await bundleConsole(join(folder, 'console'));
writeFileSync(
  join(folder, 'LICENSES.txt'),
  licences([...Object.keys(metafile.inputs), ...Object.keys(consoleFiles.inputs)]),
);

/**
 * The CommonJS form of a bundled module. Names are imported as constants, whose values the optimising compiler knows;
 * esbuild's own conversion reads each through two getters at every use, with which an `increment` took 1.5 times as
 * long. That is correct as long as no exported variable changes and no two modules import each other: a constant that
 * is not there yet would be undefined.
 */
function toCommonJs(text) {
  const required = (from) => `require(${from})`;
  const code = text
    // esbuild's substitute for `require` in ES modules, with its imports and exports.
    .replace(/^(?:var|const) __require = [\s\S]*?^\}\);$/m, '')
    .replaceAll(/^ {2}__require,?\n/gm, '')
    .replaceAll(/\b__require\b/g, 'require')
    .replaceAll(/^import ("[^"]+");$/gm, (_, from) => `${required(from)};`)
    .replaceAll(
      /^import (?:\* as )?([\w$]+) from ("[^"]+");$/gm,
      (_, name, from) => `const ${name} = ${required(from)};`,
    )
    .replaceAll(
      /^import (?:([\w$]+), )?(\{[^}]*\}) from ("[^"]+");$/gm,
      (_, name, names, from) =>
        `const ${names.replaceAll(' as ', ': ')} = ${required(from)};${name === undefined ? '' : `\nconst ${name} = ${required(from)};`}`,
    )
    .replaceAll(/^export (\{[^}]*\});$/gm, (_, names) => assignments(names))
    .replaceAll(/\bimport\(("\.[^"]+")\)/g, (_, from) => `Promise.resolve().then(() => ${required(from)})`)
    .replaceAll('import.meta.url', 'moduleUrl');
  const rest = code.match(/^(import|export) .*$/m);
  if (rest !== null) throw new Error(`not converted: ${rest[0]}`);
  const url = code.includes('moduleUrl')
    ? `const moduleUrl = require('node:url').pathToFileURL(__filename).href;\n`
    : '';
  return code.replace(/^(#!.*\n)?/, (start) => `${start}'use strict';\n${url}`);
}

/** Statements that import from ES modules recognises: see the README of cjs-module-lexer. */
function assignments(names) {
  return [
    "Object.defineProperty(exports, '__esModule', { value: true });",
    ...[...names.matchAll(/([\w$]+)(?: as ([\w$]+))?/g)].map(
      ([, name, exported = name]) => `exports.${exported} = ${name};`,
    ),
  ].join('\n');
}

/** A class that refers to itself is `var Table = class _Table` after bundling: gives it its name back. */
function withClassNames(code) {
  const names = new Set([...code.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name));
  return code.replaceAll(/\b_([A-Za-z]\w*)\b/g, (word, name) => (names.has(name) ? name : word));
}

/**
 * Bundling makes each constant of a module a variable, whose value the optimising compiler must load and check at every
 * use. Declares those that are never assigned again as constants, according to esbuild's warnings.
 */
async function withConstants(code) {
  const variables = new Set();
  for (;;) {
    const constant = code.replaceAll(/^var (\{[^=]*\}|[\w$]+) = /gm, (declaration, declared) =>
      (declared.match(/[\w$]+/g) ?? []).some((name) => variables.has(name))
        ? declaration
        : declaration.replace('var', 'const'),
    );
    const { warnings } = await transform(constant, { platform: 'node', logLevel: 'silent' });
    const assigned = warnings.filter(({ id }) => id === 'assign-to-constant');
    if (assigned.length === 0) {
      const changing = [...variables].find((name) =>
        new RegExp(`^ {2}${name.replaceAll('$', '\\$')}( as .*|,)?$`, 'm').test(exportsOf(code)),
      );
      if (changing !== undefined) throw new Error(`a module exports ${changing}, which is assigned again`);
      return constant;
    }
    for (const { text } of assigned) variables.add(text.match(/"(.*)"/)[1]);
  }
}

function exportsOf(code) {
  return code.match(/^export \{[^}]*\};$/m)?.[0] ?? '';
}

/** Checks that no two files import each other, directly or indirectly. */
function checkOrder(outputs) {
  const done = new Set();
  const follow = (path, way) => {
    if (way.includes(path)) throw new Error(`files import each other: ${[...way, path].join(' -> ')}`);
    if (done.has(path)) return;
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') follow(imported, [...way, path]);
    }
    done.add(path);
  };
  for (const path of Object.keys(outputs)) follow(path, []);
}

/** For each entry point a module that re-exports the names of the CommonJS module. */
function writeModules() {
  const exported = new Map(
    Object.entries(metafile.outputs).flatMap(([path, { entryPoint, exports }]) =>
      entryPoint === undefined ? [] : [[relative(folder, join(root, path)), exports]],
    ),
  );
  for (const target of Object.values(manifest.exports)) {
    if (typeof target === 'string') continue;
    const module = target.import;
    const name = basename(module, '.mjs');
    const names = exported.get(`${name}.js`);
    const loaded = createRequire(import.meta.url)(join(folder, `${name}.js`));
    // In an ES module, the default export of a CommonJS module is the module itself.
    const exportedNames = names.map((each) => {
      if (each !== 'default') return each;
      const named = names.find((other) => other !== each && loaded[other] === loaded.default);
      if (named === undefined) throw new Error(`the default export of ${name} has no name`);
      return `${named} as default`;
    });
    const text = [`export { ${exportedNames.join(', ')} } from './${name}.js';`];
    writeFileSync(join(folder, `${name}.mjs`), `${text.join('\n')}\n`);
  }
}

/** The source files of each file of the bundle. */
function sources({ outputs }) {
  return Object.fromEntries(
    Object.entries(outputs).map(([path, { inputs }]) => [relative(folder, join(root, path)), Object.keys(inputs)]),
  );
}

/** Name, version and licence of each library in the bundle. */
function licences(inputs) {
  const packages = new Set(inputs.flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/) ?? []));
  return [...packages]
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
      const file = readdirSync(join(root, path)).find((each) => /^licen[cs]e/i.test(each));
      const text = file === undefined ? '' : readFileSync(join(root, path, file), 'utf8').trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** Kilobytes in the bundle of each library, and of the package itself. */
function sizes({ outputs }) {
  const bytes = {};
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const of = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/)?.[1] ?? 'shmtable';
      bytes[of] = (bytes[of] ?? 0) + bytesInOutput;
    }
  }
  return Object.fromEntries(
    Object.entries(bytes)
      .sort(([, a], [, b]) => b - a)
      .map(([of, size]) => [of, { kB: Math.round(size / 1000) }]),
  );
}
