import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { broken, type ModelRun, sound } from './models.js';

const sources = fileURLToPath(new URL('../../../../test/proofs/model', import.meta.url));
/** Deeper than any model's longest path: a search that reaches it is not complete, and says so. */
const MAX_DEPTH = 1_000_000;
const MEMORY_MIB = 12_288;

export interface ModelOutcome {
  readonly name: string;
  readonly states: number;
  /** What is not as it must be. */
  readonly problem: string | undefined;
}

/** Whether the machine has what exploring a model takes: spin and a C compiler. */
export function canRunModels(): boolean {
  return spawnSync('spin', ['-V']).status === 0 && spawnSync('gcc', ['--version']).status === 0;
}

/** Explores all models, or only the short ones. Those that hold must be explored in full, the others rejected. */
export function runModels({ short = false }: { readonly short?: boolean } = {}): ModelOutcome[] {
  const wanted = (runs: readonly ModelRun[]) => runs.filter((run) => run.short || !short);
  return [
    ...wanted(sound).map((run) => outcomeOf(run, false)),
    ...wanted(broken).map((run) => ({ ...outcomeOf(run, true), name: `without: ${run.name}` })),
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

/** What spin's verifier says about a model, in a folder of its own. */
function explore({ file, defines, short }: ModelRun): string {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-model-'));
  const options = { cwd: folder, encoding: 'utf8' } as const;
  try {
    execFileSync('spin', ['-a', ...defines.map((define) => `-D${define}`), join(sources, `${file}.pml`)], options);
    const limits = ['-DSAFETY', '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MIB}`];
    execFileSync('gcc', [short ? '-O0' : '-O2', '-w', ...limits, '-o', 'pan', 'pan.c'], options);
    return spawnSync('./pan', [`-m${MAX_DEPTH}`, '-n'], options).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
