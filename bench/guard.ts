/**
 * `npm run bench:guard`: has the table become slower compared with a `Map`? Uses ratios, never times; fails if one has
 * dropped by 30 %.
 *
 *   node dist/bench/guard.js [--write]
 *
 * A whole process may be slow, because of decisions of the compiler, the placement of its memory, or other load on the
 * machine. So each section runs in several processes, and the median over them counts. `--write` makes the result the
 * baseline: bench/results/baseline.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figure, shown } from '../src/bench/figure.js';
import { runSections, selectSections } from '../src/bench/run-sections.js';
import { EFFORTS } from '../src/bench/section.js';
import { TABLE_SECTIONS } from '../src/bench/table-sections.js';
import { printTable } from '../src/cli/output.js';
import { type Baseline, guardedRatios, judge, MIN_SHARE } from './baseline.js';

const BASELINE = fileURLToPath(new URL('../../bench/results/baseline.json', import.meta.url));
const GUARDED = 'rows-1000,rows-100000,third-table';
const PROCESSES = 5;

async function main(): Promise<boolean> {
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  const sections = selectSections(TABLE_SECTIONS, GUARDED);
  const runs: (readonly Figure[])[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    // `judge` reports figures that are missing.
    const { figures } = await runSections(sections, EFFORTS.guard);
    runs.push(figures);
  }
  const ratios = guardedRatios(runs);
  if (values.write) {
    writeFileSync(BASELINE, `${JSON.stringify(baselineOf(ratios), null, 2)}\n`);
    return true;
  }
  const baseline: Baseline = JSON.parse(readFileSync(BASELINE, 'utf8'));
  const verdicts = judge(baseline, ratios);
  process.stdout.write(`times the speed of Map; the baseline is from ${baseline.processor}, Node ${baseline.node}\n\n`);
  printTable([
    ['', 'BASELINE', 'NOW', ''],
    ...verdicts.map(({ name, baseline, ratio, lost }) => [
      name,
      shown(baseline),
      ratio === undefined ? 'not measured' : shown(ratio),
      lost ? `DROPPED: less than ${MIN_SHARE} times the baseline` : '',
    ]),
  ]);
  return verdicts.every(({ lost }) => !lost);
}

function baselineOf(ratios: Readonly<Record<string, number>>): Baseline {
  const rounded = Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(3))] as const);
  return {
    measuredAt: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    ratios: Object.fromEntries(rounded),
  };
}

main().then(
  (kept) => {
    process.exitCode = kept ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
