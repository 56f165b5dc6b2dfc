/** The examples of each recipe are one program, which compiles and prints what its comments say. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'docs/recipes');
const programs = new Map(
  readdirSync(folder).map((name) => {
    const blocks = [...readFileSync(join(folder, name), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
    return [name.replace(/\.md$/, ''), blocks.map(([, code]) => code).join('\n')];
  }),
);

/** What is printed according to the comments beside `console.log`, line by line. */
function promisedBy(code: string): string {
  return [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)\n/g)].map(([, output]) => `${output}\n`).join('');
}

t.test('every recipe prints what its comments say', async (t) => {
  // A program in this folder that imports `shmtable` gets this package.
  const built = mkdtempSync(fileURLToPath(new URL('./recipes-', import.meta.url)));
  t.teardown(() => rmSync(built, { recursive: true }));
  for (const [name, code] of programs) {
    const namespace = `recipes-${process.pid}-${name}`;
    t.teardown(() => {
      const tables = Table.list({ namespace }).map((table) => table.name);
      for (const table of tables) {
        if (tables.includes(`${table}.loads`)) Cache.destroy(table, { namespace });
        else if (!table.endsWith('.loads')) Table.destroy(table, { namespace });
      }
    });
    const program = join(built, `${name}.mjs`);
    // Servers of a recipe would keep its process alive.
    const whole = `${transformSync(code, { loader: 'ts', target: 'es2022' }).code}\nprocess.exit();\n`;
    writeFileSync(program, whole);
    const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
    const run = { cwd: t.testdir(), env, encoding: 'utf8', timeout: 60_000 } as const;
    t.equal(execFileSync(process.execPath, [program], run), promisedBy(code), name);
  }
});

t.test('a block that names a file of a test is part of that file', async (t) => {
  for (const name of readdirSync(folder)) {
    const blocks = readFileSync(join(folder, name), 'utf8').matchAll(/^```\w+ file=(\S+)\n(.*?)^```$/gms);
    for (const [, file, text] of blocks)
      t.ok(readFileSync(join(root, file), 'utf8').includes(text), `${name}: ${file}`);
  }
});

t.test('every recipe compiles', async (t) => {
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
    ...{ strict: true, skipLibCheck: true, noEmit: true },
  };
  const files = Object.fromEntries([...programs].map(([name, code]) => [`${name}.mts`, code]));
  const folder = t.testdir({
    ...files,
    'tsconfig.json': JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  });
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
  t.equal(tsc.stdout, '');
  t.equal(tsc.status, 0);
});
