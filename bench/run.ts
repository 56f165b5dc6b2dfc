/**
 * `npm run bench`: the table compared with its alternatives, in one run.
 *
 *   node dist/bench/run.js [--quick] [--only rows,stores] [--out FOLDER]
 *
 * Prints a table, ratios first, and writes the same as latest.json and latest.md to FOLDER (bench/results).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { reportMarkdown } from '../src/bench/report.js';
import { selectSections } from '../src/bench/run-sections.js';
import { addBenchFlags, type BenchFlags, measure, printReport } from '../src/cli/bench.js';
import { printJson } from '../src/cli/output.js';
import { ALL_SECTIONS } from './all-sections.js';
import { installCompetitors } from './competitor-packages.js';

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url));

interface Flags extends BenchFlags {
  readonly out: string;
}

async function main({ out, ...flags }: Flags): Promise<void> {
  const packages = selectSections(ALL_SECTIONS, flags.only).some((section) => section.packages === true);
  const problem = packages ? installCompetitors() : undefined;
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  const report = await measure(ALL_SECTIONS, flags);
  if (flags.json) printJson(report);
  else printReport(report);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(out, 'latest.md'), reportMarkdown(report));
}

addBenchFlags(new Command('bench'))
  .option('--out <folder>', 'folder for latest.json and latest.md', RESULTS)
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  });
