/** The completion scripts, each executed by its shell. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { COMMAND } from '../fixtures/command-run.js';

const namespace = `test-${process.pid}-completion`;
const tables = ['alpha', 'alps', 'beta'].map((name) =>
  Table.create({ name, namespace, capacity: 1, columns: { n: 'int32' } }),
);
t.teardown(() => {
  for (const table of tables) table.destroy();
});

/** A folder with the command `shmtable`, as in the search path of a user who has installed it. */
function folderOf(t: Test): string {
  const folder = t.testdir({ notes: '', 'notes.txt': '' });
  writeFileSync(join(folder, 'shmtable'), `#!/bin/sh\nexec "${process.execPath}" "${COMMAND}" "$@"\n`, { mode: 0o755 });
  return folder;
}

function environment(folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${folder}${delimiter}${process.env.PATH}`,
    SHMTABLE_NAMESPACE: namespace,
    TERM: 'xterm',
  };
}

t.test('bash completes commands, options, files and tables', async (t) => {
  const folder = folderOf(t);
  const script = execFileSync(process.execPath, [COMMAND, 'completion', 'bash'], { encoding: 'utf8' });
  const lines: [string[], string[]][] = [
    [['s'], ['segments', 'serve', 'set', 'snapshot', 'stat']],
    [['no'], []],
    [['--'], ['--help']],
    [
      ['get', ''],
      ['alpha', 'alps', 'beta'],
    ],
    [
      ['get', 'al'],
      ['alpha', 'alps'],
    ],
    [['get', '--json', 'b'], ['beta']],
    [['get', '--path', 'al', 'b'], ['beta']],
    [['get', 'alpha', ''], []],
    [
      ['get', 'alpha', '--'],
      ['--config', '--help', '--json', '--path'],
    ],
    [
      ['get', '--path', 'no'],
      ['notes', 'notes.txt'],
    ],
    [['set', 'alpha', 'key', '{}', '--t'], ['--ttl']],
    [['set', '--ttl', ''], []],
    [['restore', 'notes.'], ['notes.txt']],
    [['snapshot', 'alpha', 'notes.'], ['notes.txt']],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [['help', 'du'], ['dump']],
  ];
  const asked = lines.map(
    ([words]) =>
      `COMP_WORDS=(shmtable ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; ` +
      `COMPREPLY=(); _shmtable; echo "\${COMPREPLY[*]}"`,
  );
  // compopt works only during a completion.
  const program = [script, 'compopt() { :; }', ...asked].join('\n');
  const bash = spawnSync('bash', ['-c', program], { cwd: folder, env: environment(folder), encoding: 'utf8' });
  t.equal(bash.stderr, '');
  const answers = bash.stdout.split('\n');
  lines.forEach(([words, expected], i) => {
    t.same(answers[i].split(' ').filter(Boolean).sort(), expected, words.join(' '));
  });
});

const missing = existsSync('/usr/bin/zsh') || process.env.SHMTABLE_FORBID_SKIPS === '1' ? false : 'NO ZSH';

t.test('zsh completes commands, options and tables', { skip: missing }, async (t) => {
  const folder = folderOf(t);
  // zsh gets a separate terminal, into which the script of this test types.
  const program = `
    zmodload zsh/zpty
    zpty shell zsh -f -i
    type() { zpty -w shell "$1"; zpty -r shell answer "$2"; print -r -- "$answer" }
    type 'PS1=; unsetopt beep; autoload -Uz compinit; compinit -u -D; source <(shmtable completion zsh); print BE''GUN' '*BEGUN*'
    type $'shmtable sta\\tbet\\t' '*maxKeyBytes*'
    type $'shmtable get be\\tkey --js\\t' '*no row*'
    zpty -d shell
  `;
  const zsh = spawnSync('zsh', ['-f', '-c', program], {
    cwd: folder,
    env: environment(folder),
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.equal(zsh.signal, null, 'every expected output appeared');
  t.match(zsh.stdout, /column n +int32/, 'stat beta');
  t.match(zsh.stdout, /table beta has no row/, 'get beta key --json');
});
