/** Tables with their own hot code: the second and third of a process. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createMutant } from '../proofs/mutant.js';

interface Report {
  readonly differences: readonly string[];
  readonly trace: string;
  readonly warnings: readonly string[];
}

const program = fileURLToPath(new URL('../fixtures/three-tables.js', import.meta.url));

/** Runs the program with options of Node, with the package in `subject` or with this one. */
function runProgram(options: readonly string[], subject?: string, env: NodeJS.ProcessEnv = {}): Report {
  const given = subject === undefined ? {} : { SHMTABLE_PROOF_SUBJECT: subject };
  const text = execFileSync(process.execPath, [...options, program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_OPTIONS: '', ...given, ...env },
  });
  return JSON.parse(text);
}

t.test('with three tables open, every operation of each has the same result as with one', (t) => {
  const { differences, warnings } = runProgram([]);
  t.same(differences, []);
  t.same(warnings, []);
  t.end();
});

t.test('a stack trace from the third table names file and line, with source maps those of the source', (t) => {
  const file = readFileSync(new URL('../../src/table/hot/add-to-column.js', import.meta.url), 'utf8');
  const thrown = file.split('\n').findIndex((line) => line.includes('throw refusal(column, by)')) + 1;
  t.match(runProgram([]).trace, new RegExp(`/src/table/hot/add-to-column\\.js:${thrown}:`));
  t.match(runProgram(['--enable-source-maps']).trace, /\/src\/table\/hot\/add-to-column\.ts:\d+:/);
  t.end();
});

t.test('in a process that forbids code from strings, tables work', (t) => {
  const { differences, warnings } = runProgram(['--disallow-code-generation-from-strings']);
  t.same(differences, []);
  t.same(warnings, []);
  t.end();
});

t.test('importing the package evaluates no text', (t) => {
  const url = new URL('../../src/index.js', import.meta.url).href;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', `import ${JSON.stringify(url)}`],
    {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '', SHMTABLE_PRINT_CODE: '1' },
    },
  );
  t.equal(stderr, '');
  t.equal(status, 0);
  t.end();
});

t.test('SHMTABLE_PRINT_CODE prints the evaluated code', (t) => {
  const { stderr } = spawnSync(process.execPath, [program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', SHMTABLE_PRINT_CODE: '1' },
  });
  t.match(stderr, /\/\/ shmtable\/row-codec-\d+:1\n/, 'for a schema');
  t.match(stderr, /read: \(row\) => \(\{ n: i32\[row \+ \d+\], big: /);
  t.match(stderr, /\/\/ file:.*\/table\/hot\/write\.js:\d+\n/, 'for the second table');
  t.end();
});

t.test('if a bundler has changed the functions, tables still have the code of the files', (t) => {
  const folder = createMutant(t, []);
  // Like the output of a bundler: each function calls another one outside of it.
  for (const file of ['write', 'find', 'lookup', 'variable-columns']) {
    const path = join(folder, 'table', 'hot', `${file}.js`);
    const text = readFileSync(path, 'utf8').replaceAll(' => {\n', ' => {\n beside();\n');
    writeFileSync(join(folder, 'table', `${file}.bundled.js`), `function beside() {}\n${text}`);
    const code = join(folder, 'table', 'table-code.js');
    writeFileSync(code, readFileSync(code, 'utf8').replace(`'./hot/${file}.js'`, `'./${file}.bundled.js'`));
  }
  const { differences, warnings } = runProgram([], folder);
  t.same(differences, []);
  t.same(warnings, []);
  t.end();
});
