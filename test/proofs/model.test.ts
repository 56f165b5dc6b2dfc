import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';

/*
 * The protocol as models that `spin` explores whole: each must hold, and must fail with any one of its rules left out.
 * `SHMTABLE_PROOF=full` explores the largest ones with more processes and deaths (4 GiB, a few minutes).
 */
interface Model {
  readonly file: string;
  readonly variants: readonly string[];
  /** Sizes, as definitions for the preprocessor. */
  readonly size: readonly string[];
  readonly fullSize: readonly string[];
}

const MODELS: readonly Model[] = [
  {
    file: 'ownership.pml',
    variants: ['CLEAR_FIRST', 'TAKEOVER', 'NO_OWNER', 'EARLY'],
    size: ['NP=2', 'CRASHES=2'],
    fullSize: ['NP=3', 'CRASHES=2'],
  },
  {
    file: 'values.pml',
    variants: ['COPY_EARLY', 'REVISION_FIRST', 'UNDO', 'LOAD_LAST'],
    size: ['CRASHES=1'],
    fullSize: ['CRASHES=2'],
  },
  { file: 'row.pml', variants: ['SEQUENCE_FIRST', 'NO_ENTRY'], size: [], fullSize: [] },
  { file: 'removal.pml', variants: ['ONE_ADVANCE', 'CLEAR_FIRST', 'FROM_HEAD'], size: [], fullSize: [] },
  { file: 'sleep.pml', variants: ['NO_MARK'], size: [], fullSize: [] },
  { file: 'feed.pml', variants: ['NOTE_LATE', 'HEAD_FIRST'], size: ['CRASHES=1'], fullSize: ['CRASHES=2'] },
];

const FOLDER = resolve('test/proofs/model');
const FULL = process.env.SHMTABLE_PROOF === 'full';
const MAX_DEPTH = 2_000_000;

interface Exploration {
  readonly errors: number;
  readonly states: number;
}

/** Explores every state, or up to the first error. */
function explore(file: string, definitions: readonly string[]): Exploration {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-model-'));
  try {
    const run = (command: string, args: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
      if (status === null || (status !== 0 && command !== './pan')) throw new Error(`${command}: ${stdout}${stderr}`);
      return stdout;
    };
    run('spin', ['-a', ...definitions.map((definition) => `-D${definition}`), join(FOLDER, file)]);
    // Compiling takes longer than exploring the small ones.
    run('gcc', [FULL ? '-O2' : '-O0', '-w', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c']);
    const report = run('./pan', [`-m${MAX_DEPTH}`]);
    if (/max search depth too small|out of memory/.test(report)) throw new Error(report);
    const errors = /errors: (\d+)/.exec(report);
    const states = /([0-9.e+]+) states, stored/.exec(report);
    if (errors === null || states === null) throw new Error(report);
    return { errors: Number(errors[1]), states: Number(states[1]) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const hasSpin = spawnSync('spin', ['-V']).error === undefined;
if (!hasSpin) console.error('NO MODEL IS CHECKED: spin is not installed');

t.test('the models', { skip: hasSpin ? false : 'spin is not installed', timeout: 600_000 }, async (t) => {
  for (const { file, variants, size, fullSize } of MODELS) {
    const { errors, states } = explore(file, FULL ? fullSize : size);
    t.equal(errors, 0, `${file} holds in all of its ${states} states`);
    for (const variant of variants) {
      t.not(explore(file, [...size, variant]).errors, 0, `${file} fails with ${variant}`);
    }
  }
});
