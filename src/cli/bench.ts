import type { Command } from 'commander';
import { createReport, type Report, reportLines, whereAndWhen } from '../bench/report.js';
import { runSections, selectSections } from '../bench/run-sections.js';
import { EFFORTS, type Section } from '../bench/section.js';
import { TABLE_SECTIONS } from '../bench/table-sections.js';
import { printJson, printTable } from './output.js';

export interface BenchFlags {
  readonly only?: string;
  readonly quick?: boolean;
  readonly smoke?: boolean;
  readonly json?: boolean;
}

/** `shmtable bench` */
export function addBench(program: Command): void {
  addBenchFlags(program.command('bench'))
    .description('measure the table on this machine, compared with a Map where possible')
    .action(async (flags: BenchFlags) => {
      const report = await measure(TABLE_SECTIONS, flags);
      if (flags.json) printJson(report);
      else printReport(report);
    });
}

/** The flags that all benchmark programs have. */
export function addBenchFlags(command: Command): Command {
  return command
    .option('--only <sections>', 'sections to run, or prefixes of their names, separated by commas')
    .option('--quick', 'fewer rounds: a minute instead of several, with more noise')
    .option('--smoke', 'very few rows, to test the benchmark itself; the figures are meaningless')
    .option('--json', 'print JSON');
}

/** Runs the sections that the flags select. ERR_ARGUMENT for an unknown section. */
export async function measure(sections: readonly Section[], { only, quick, smoke }: BenchFlags): Promise<Report> {
  const effort = smoke ? 'smoke' : quick ? 'quick' : 'full';
  const selected = selectSections(sections, only);
  const result = await runSections(selected, EFFORTS[effort], ({ name }) =>
    process.stderr.write(`measuring ${name}\n`),
  );
  return createReport(effort, result);
}

export function printReport(report: Report): void {
  process.stdout.write(
    `\n${whereAndWhen(report)}\nx: how many times as fast as what it is compared with, in the same rounds; more is better\n\n`,
  );
  printTable(reportLines(report));
  process.stdout.write('\n');
  for (const { what, comparedWith, note } of report.figures) {
    if (note !== undefined)
      process.stdout.write(`${what}${comparedWith === undefined ? '' : `, compared with ${comparedWith}`}: ${note}\n`);
  }
  for (const line of report.leftOut) process.stdout.write(`left out: ${line}\n`);
}
