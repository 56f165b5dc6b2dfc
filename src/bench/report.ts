/** The results of a run of the benchmark, with machine and time, as lines for a terminal and as Markdown. */
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

export function createReport(effort: string, { figures, leftOut }: SuiteResult): Report {
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

const HEADER = ['WHAT', 'COMPARED WITH', 'MEDIAN', 'MIDDLE HALF', 'TARGET', 'MET', 'NS', 'COMPARED NS'];

/** A header and a line for each figure, ratios first. */
export function reportLines(report: Pick<Report, 'figures'>): string[][] {
  const ratiosFirst = [...report.figures].sort((a, b) => Number(b.unit === 'x') - Number(a.unit === 'x'));
  return [HEADER, ...ratiosFirst.map(figureLine)];
}

/** The same as a Markdown document, with the notes. */
export function reportMarkdown(report: Report): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const [header, ...lines] = reportLines(report);
  const notes = report.figures.flatMap(({ what, comparedWith, note }) =>
    note === undefined
      ? []
      : [`- ${comparedWith === undefined ? what : `${what}, compared with ${comparedWith}`}: ${note}`],
  );
  return [
    `# Benchmark: ${whereAndWhen(report)}`,
    'x: how many times as fast as what it is compared with, in the same rounds; the median, and the range of the middle half of the rounds.',
    [row(header.map((cell) => cell.toLowerCase())), row(header.map(() => '---')), ...lines.map(row)].join('\n'),
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
    ...(report.leftOut.length === 0 ? [] : [`Left out:\n\n${report.leftOut.map((line) => `- ${line}`).join('\n')}`]),
    '',
  ].join('\n\n');
}

function figureLine(figure: ReportedFigure): string[] {
  const { what, comparedWith = '', unit, value, target, ns, comparedNs } = figure;
  const met = isMet(figure);
  return [
    what,
    comparedWith,
    `${shown(value.median)} ${unit}`,
    middleHalf(value),
    shownTarget(target),
    met === undefined ? '' : met ? 'yes' : 'NO',
    ns === undefined ? '' : shown(ns.median),
    comparedNs === undefined ? '' : shown(comparedNs.median),
  ];
}

function middleHalf({ lowerQuartile, upperQuartile }: Spread): string {
  return `${shown(lowerQuartile)} .. ${shown(upperQuartile)}`;
}
