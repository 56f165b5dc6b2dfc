import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../seeded-random.js';
import { broken, type ModelRun, sound } from './models.js';

const sources = fileURLToPath(new URL('../../../../test/proofs/model', import.meta.url));
/** Deeper than the longest path of any model: a search that reaches it is incomplete, and says so. */
const MAX_DEPTH = 1_000_000;
const MEMORY_MIB = 12_288;

export interface ModelOutcome {
  readonly name: string;
  readonly states: number;
  /** What differs from the expected outcome. */
  readonly problem: string | undefined;
}

/** Whether the machine has what exploring a model needs: spin and a C compiler. */
export function canRunModels(): boolean {
  return spawnSync('spin', ['-V']).status === 0 && spawnSync('gcc', ['--version']).status === 0;
}

/** Which models to explore: by default all. */
interface Selection {
  /** Only those that take a few seconds at most. */
  readonly short?: boolean;
  /** Only this many of the models that hold and of those that fail; the same ones for the same seed. */
  readonly sample?: { readonly seed: number; readonly sound: number; readonly broken: number };
}

/** Explores models. Those that hold must be explored in full, the others must be rejected. */
export function runModels({ short = false, sample }: Selection = {}): ModelOutcome[] {
  const random = seededRandom(sample?.seed ?? 0);
  const wanted = (runs: readonly ModelRun[], count = runs.length) => {
    const left = runs.filter((run) => run.short || !short);
    while (left.length > count) left.splice(Math.floor(random() * left.length), 1);
    return left;
  };
  return [
    ...wanted(sound, sample?.sound).map((run) => outcomeOf(run, false)),
    ...wanted(broken, sample?.broken).map((run) => ({ ...outcomeOf(run, true), name: `without: ${run.name}` })),
  ];
}

function outcomeOf(run: ModelRun, mustFail: boolean): ModelOutcome {
  const output = explore(run);
  const states = Math.round(Number(/([\d.e+]+) states, stored/.exec(output)?.[1] ?? 0));
  const errors = Number(/errors: (\d+)/.exec(output)?.[1] ?? -1);
  const complete = !/max search depth too small|out of memory|Search not completed/.test(output);
  let problem: string | undefined;
  if (mustFail) {
    if (errors !== 1) problem = `spin does not reject "${run.name}": ${output}`;
  } else if (errors !== 0 || !complete) problem = `"${run.name}" does not hold or was not explored in full: ${output}`;
  return { name: run.name, states, problem };
}

/** Runs spin's verifier on a model, in a temporary folder, and returns what it prints. */
function explore({ file, defines, short }: ModelRun): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-model-'));
  const options = { cwd: folder, encoding: 'utf8' } as const;
  try {
    execFileSync('spin', ['-a', ...defines.map((define) => `-D${define}`), join(sources, `${file}.pml`)], options);
    // Spin generates so much code for the heap that optimising it takes longer than running it.
    const isLongCode = short || file === 'heap';
    const limits = ['-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MIB}`];
    execFileSync('gcc', [isLongCode ? '-O0' : '-O2', '-w', ...limits, '-o', 'pan', 'pan.c'], options);
    return spawnSync('./pan', [`-m${MAX_DEPTH}`, '-n'], options).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
