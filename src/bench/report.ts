/** What one run of the benchmark found, where and when; as lines for a terminal and as Markdown. */
import { availableParallelism, cpus } from 'node:os';
import { isMet, shown, shownTarget } from './figure.js';
import type { SuiteResult } from './run-sections.js';
import type { Spread } from './spread.js';

export interface Report extends SuiteResult {
  readonly measuredAt: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly effort: string;
}

export type ReportedFigure = Report['figures'][number];

export function makeReport(effort: string, { figures, leftOut }: SuiteResult): Report {
  return {
    measuredAt: new Date().toISOString(),
    node: process.version,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    effort,
    figures,
    leftOut,
  };
}

/** `AMD EPYC, 2 cores, Node v20.20.2, quick, 2031-02-03` */
export function whereAndWhen({ processor, cores, node, effort, measuredAt }: Report): string {
  return `${processor}, ${cores} cores, Node ${node}, ${effort} run of ${measuredAt.slice(0, 10)}`;
}

const HEADER = ['WHAT', 'BESIDE', 'MEDIAN', 'MIDDLE HALF', 'TARGET', 'MET', 'NS', 'BESIDE NS'];

/** A header and a line a figure, ratios first. */
export function reportLines(report: Pick<Report, 'figures'>): string[][] {
  const ratiosFirst = [...report.figures].sort((a, b) => Number(b.unit === 'x') - Number(a.unit === 'x'));
  return [HEADER, ...ratiosFirst.map(figureLine)];
}

/** The same as a Markdown document, with the notes. */
export function reportMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const [header, ...lines] = reportLines(report);
  const notes = report.figures.flatMap(({ what, beside, note }) =>
    note === undefined ? [] : [`- ${beside === undefined ? what : `${what}, beside ${beside}`}: ${note}`],
  );
  return [
    `# Benchmark: ${whereAndWhen(report)}`,
    'x: times as fast as what stands beside it, in the same rounds; median, and where the middle half of the rounds lies.',
    [row(header.map((cell) => cell.toLowerCase())), row(header.map(() => '---')), ...lines.map(row)].join('\n'),
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
    ...(report.leftOut.length === 0 ? [] : [`Left out:\n\n${report.leftOut.map((line) => `- ${line}`).join('\n')}`]),
    '',
  ].join('\n\n');
}

function figureLine(figure: ReportedFigure): string[] {
  const { what, beside = '', unit, value, target, ns, besideNs } = figure;
  const met = isMet(figure);
  return [
    what,
    beside,
    `${shown(value.median)} ${unit}`,
    middleHalf(value),
    shownTarget(target),
    met === undefined ? '' : met ? 'yes' : 'NO',
    ns === undefined ? '' : shown(ns.median),
    besideNs === undefined ? '' : shown(besideNs.median),
  ];
}

function middleHalf({ lowerQuartile, upperQuartile }: Spread): string {
  return `${shown(lowerQuartile)} .. ${shown(upperQuartile)}`;
}
