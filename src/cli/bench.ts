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
    .description('measure the table on this machine, comparedWith a Map where there is one to compare with')
    .action(async (flags: BenchFlags) => {
      const report = await measure(TABLE_SECTIONS, flags);
      if (flags.json) printJson(report);
      else printReport(report);
    });
}

/** The flags of every program that measures. */
export function addBenchFlags(command: Command): Command {
  return command
    .option('--only <sections>', 'sections to run, or beginnings of their names, commas between')
    .option('--quick', 'fewer rounds: a minute instead of several, with more noise')
    .option('--smoke', 'hardly any rows: tries out the benchmark itself, the figures mean nothing')
    .option('--json', 'print JSON');
}

/** Runs the sections that the flags select. ERR_ARGUMENT for a section that is not. */
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
    `\n${whereAndWhen(report)}\nx: times as fast as what stands beside it, in the same rounds; more is better\n\n`,
  );
  printTable(reportLines(report));
  process.stdout.write('\n');
  for (const { what, comparedWith, note } of report.figures) {
    if (note !== undefined)
      process.stdout.write(`${what}${comparedWith === undefined ? '' : `, compared with ${comparedWith}`}: ${note}\n`);
  }
  for (const line of report.leftOut) process.stdout.write(`left out: ${line}\n`);
}
