import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest: { exports: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** This Node, and other versions if `npm run test:nodes` has downloaded them. */
const fetched = ['22', '24'].map((major) => join(root, '.nodes', major, 'node')).filter((path) => existsSync(path));
const nodes = [...new Set([process.execPath, ...fetched.map((path) => realpathSync(path))])];

/**
 * The first program of the README that imports shmtable; its table is renamed so that no table of the user is touched.
 */
const tableName = `readme-${process.pid}`;
const readmeProgram = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```[jt]s\n(.*?)```/gs)]
  .map((match) => String(match[1]))
  .find((program) => program.includes("from 'shmtable'"));
const example = `${readmeProgram?.replace(/name: '[\w-]+'/, `name: '${tableName}'`)}\nTable.destroy('${tableName}');\n`;
const asModule = `${example}\nconsole.log('ran to its end');\n`;
const asScript = asModule.replaceAll(/import \{([^}]*)\} from '([^']*)'/g, "const {$1} = require('$2')");

// Outside the repository, so that no module is found in its node_modules.
const folder = mkdtempSync(join(tmpdir(), 'shmtable-pack-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The error, with what the program printed; undefined when it exited with code 0. */
function problemOf(command: string, args: readonly string[]): string | undefined {
  try {
    run(command, args);
    return undefined;
  } catch (error) {
    return error instanceof Error && 'stdout' in error ? `${error.message}\n${error.stdout}` : String(error);
  }
}

// No lifecycle script may touch the build, because other tests are using it.
const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(packed);
const paths = files.map(({ path }) => path);

t.test('the package contains the program, the sources of its addon, and the documents', async (t) => {
  const travels =
    /^(dist\/src\/.*\.(js|d\.ts)|prebuilds\/.*\.node|openapi\/.*\.(json|yaml)|docs\/[\w-]+\.(md|svg)|native\/.*|binding\.gyp|scripts\/build-native\.js|(README|CHANGELOG)\.md|LICENSE|package\.json)$/;
  t.same(
    paths.filter((path) => !travels.test(path)),
    [],
  );
  for (const needed of ['README.md', 'CHANGELOG.md', 'LICENSE', 'binding.gyp', 'prebuilds/linux-x64/shmtable.node']) {
    t.ok(paths.includes(needed), needed);
  }
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
  for (const [name, target] of Object.entries(manifest.exports)) t.ok(paths.includes(target.slice(2)), name);
});

writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
run('npm', [
  'install',
  '--ignore-scripts',
  '--engine-strict',
  '--prefer-offline',
  '--no-package-lock',
  `./${filename}`,
]);

t.test('the example of the README works with import and require', async (t) => {
  t.match(example, "from 'shmtable'", 'the README has an example');
  writeFileSync(join(folder, 'example.mjs'), asModule);
  writeFileSync(join(folder, 'example.cjs'), asScript);
  for (const node of nodes) {
    const version = run(node, ['--version']).trim();
    for (const file of ['example.mjs', 'example.cjs']) {
      t.match(run(node, [file]), 'ran to its end', `${file} on ${version}`);
    }
  }
});

t.test('every entry point can be imported and required', async (t) => {
  const names = Object.keys(manifest.exports).map((path) => path.replace(/^\./, 'shmtable'));
  const modules = names.filter((name) => !name.endsWith('.json'));
  writeFileSync(join(folder, 'entries.mjs'), modules.map((name) => `import '${name}';\n`).join(''));
  writeFileSync(join(folder, 'entries.cjs'), names.map((name) => `require('${name}');\n`).join(''));
  for (const node of nodes) {
    const version = run(node, ['--version']).trim();
    for (const file of ['entries.mjs', 'entries.cjs'])
      t.equal(problemOf(node, [file]), undefined, `${file} on ${version}`);
  }
});

t.test('the command starts', async (t) => {
  for (const node of nodes) t.match(run(node, ['node_modules/.bin/shmtable', '--help']), /serve/);
});

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
    'pools.mts': "export { FixedPool, Segment } from 'shmtable/pools';\n",
    'testing.mts':
      "import { type TestClock, useTestClock } from 'shmtable/testing';\nexport const clock: TestClock = useTestClock(0);\n",
    'plugin.mts': "export * from 'shmtable/fastify';\n",
  };
  for (const [file, text] of Object.entries(consumers)) writeFileSync(join(folder, file), text);
  const plugin = ['plugin.mts'];
  for (const { files, skipLibCheck } of [
    { files: Object.keys(consumers).filter((file) => !plugin.includes(file)), skipLibCheck: false },
    // Only the types of the plugin are checked, not those of everything that it imports.
    { files: plugin, skipLibCheck: true },
  ]) {
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck }, files }),
    );
    t.equal(problemOf(join(root, 'node_modules/.bin/tsc'), ['-p', '.']), undefined, files.join(', '));
  }
});
