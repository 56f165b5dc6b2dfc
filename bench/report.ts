/** How the benchmark tells what it measured: a table on the terminal, ratios first, and JSON in a file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';
import { printTable } from '../src/cli/output.js';
import type { Measurement, Workload } from './interleaved.js';
import type { Spread } from './spread.js';

/** Where and how it was measured, for whoever reads the figures later. */
export interface Report {
  readonly measuredAt: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly baseline: string;
  readonly rounds: number;
  readonly sliceOperations: number;
  readonly measurements: readonly Measurement[];
}

export function makeReport(
  baseline: string,
  { rounds, sliceOperations }: Pick<Workload, 'rounds' | 'sliceOperations'>,
  measurements: readonly Measurement[],
): Report {
  return {
    measuredAt: new Date().toISOString(),
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    baseline,
    rounds,
    sliceOperations,
    measurements,
  };
}

/** One line per subject and operation; the baseline's own lines only give its times. */
export function printReport({ baseline, rounds, sliceOperations, node, processor, measurements }: Report): void {
  process.stdout.write(
    `${processor}, Node ${node}: medians of ${rounds} rounds of ${sliceOperations} operations, quartiles in brackets\n` +
      `ratio: times the speed of ${baseline} in the same rounds; more is better\n\n`,
  );
  printTable([
    ['KEYS', 'OPERATION', 'SUBJECT', 'RATIO', '', 'NS', ''],
    ...measurements.map(({ keys, operation, subject, ratio, nsPerOperation }) => [
      keys.toLocaleString('en'),
      operation,
      subject,
      ...(subject === baseline ? ['', ''] : shown(ratio, 2)),
      ...shown(nsPerOperation, 0),
    ]),
  ]);
}

function shown({ median, lowerQuartile, upperQuartile }: Spread, digits: number): [string, string] {
  return [median.toFixed(digits), `(${lowerQuartile.toFixed(digits)} .. ${upperQuartile.toFixed(digits)})`];
}

export function writeReport(report: Report, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
}
