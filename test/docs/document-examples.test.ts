/** The examples of the reference and of the guide compile, and print what their comments say. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { programOf } from './document-examples.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const documents = ['api', 'embedded', 'cache'];
const programs = new Map(
  documents.map((name) => [name, programOf(readFileSync(join(root, 'docs', `${name}.md`), 'utf8'))]),
);

t.test('the examples print what their comments say', async (t) => {
  // A program in this folder that imports `shmtable` gets this package.
  const folder = mkdtempSync(fileURLToPath(new URL('./examples-', import.meta.url)));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, { code, output }] of programs) {
    const namespace = `documents-${process.pid}-${name}`;
    t.teardown(() => {
      const tables = Table.list({ namespace }).map((table) => table.name);
      for (const table of tables) {
        if (tables.includes(`${table}.loads`)) Cache.destroy(table, { namespace });
        else if (!table.endsWith('.loads')) Table.destroy(table, { namespace });
      }
    });
    const program = join(folder, `${name}.mjs`);
    writeFileSync(program, transformSync(code, { loader: 'ts', target: 'es2022' }).code);
    const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
    t.equal(execFileSync(process.execPath, [program], { cwd: t.testdir(), env, encoding: 'utf8' }), output, name);
  }
});

t.test('the examples compile', async (t) => {
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2022', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
    ...{ strict: true, skipLibCheck: true, noEmit: true },
  };
  const files = Object.fromEntries([...programs].map(([name, { code }]) => [`${name}.mts`, code]));
  const folder = t.testdir({
    ...files,
    'tsconfig.json': JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  });
  const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
  t.equal(tsc.stdout, '');
  t.equal(tsc.status, 0);
});
