/** The passages of the documents that are made from a report, and where they stand. */
import { isMet, shown, shownTarget } from '../../src/bench/figure.js';
import { type Report, type ReportedFigure, whereAndWhen } from '../../src/bench/report.js';
import { figuresBeginning, findFigure, SHOWN_OPERATIONS, SHOWN_ROWS, storesIn } from './figures-of.js';

/** Puts a passage between the marks that a document has for it. Throws when it has none. */
export function replacePassage(document: string, name: string, passage: string): string {
  const [begin, end] = [`<!-- ${name}: made by npm run bench:publish -->\n`, `\n<!-- end of ${name} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the document has no marks ${begin.trim()} and ${end.trim()}`);
  return `${document.slice(0, from + begin.length)}\n${passage.trim()}\n${document.slice(to)}`;
}

/** The README's: the table beside other stores, and what one number says. */
export function readmePassage(report: Report): string {
  const stores = storesIn(report);
  const header = ['', ...stores.map(({ label }) => label)];
  const lines = SHOWN_OPERATIONS.map((operation) => [
    operation,
    ...stores.map(({ beside }) => ratioShown(findFigure(report, `${operation}, ${SHOWN_ROWS}`, beside))),
  ]);
  return [
    `Times as fast as each of them, ${SHOWN_ROWS} under keys that are new strings every time; medians, in one run on an ${whereAndWhen(report)}:`,
    markdownTable([header, ...lines]),
    ['1,000 rows', '4,000,000 rows']
      .map((rows) => `With ${rows}, beside a \`Map\`: ${besideMap(report, rows)}.`)
      .join(' '),
    singles(report),
  ].join('\n\n');
}

/** The page on performance: every figure. */
export function performancePassage(report: Report): string {
  const figures = [...report.figures].sort((a, b) => Number(b.target !== undefined) - Number(a.target !== undefined));
  const line = (figure: ReportedFigure): string[] => {
    const { what, beside = '', unit, value, target } = figure;
    const met = isMet(figure);
    return [
      what,
      beside,
      `${shown(value.median)} ${unit}`,
      `${shown(value.lowerQuartile)} – ${shown(value.upperQuartile)}`,
      target === undefined ? '' : `${shownTarget(target)}${met === true ? '' : ': **missed**'}`,
    ];
  };
  return [
    `An ${whereAndWhen(report)}.`,
    markdownTable([['what', 'beside', 'median', 'middle half', 'aim'], ...figures.map(line)]),
    ...notesOf(report),
    ...(report.leftOut.length === 0 ? [] : [`Left out: ${report.leftOut.join('; ')}.`]),
  ].join('\n\n');
}

function notesOf({ figures }: Report): string[] {
  const notes = figures.flatMap(({ what, beside, note }) =>
    note === undefined ? [] : `- ${beside === undefined ? what : `${what}, beside ${beside}`}: ${note}`,
  );
  return notes.length === 0 ? [] : [notes.join('\n')];
}

function besideMap(report: Report, rows: string): string {
  return SHOWN_OPERATIONS.flatMap((operation) => {
    const figure = findFigure(report, `${operation}, ${rows}`, 'Map');
    return figure === undefined ? [] : `${operation} ${shown(figure.value.median)}`;
  }).join(', ');
}

/** The figures that are no comparison of stores, as a list. */
function singles(report: Report): string {
  const wanted: [string, string][] = [
    ['get column by 2 processes, in sum', 'reads by two processes at once, times those of one'],
    ['set different rows by 2 processes', 'writes by two processes at once to different rows, times those of one'],
    [
      'get row, 4,000,000 rows, huge pages',
      'reads of rows of a table of 4,000,000 with `hugePages: true`, times those of a `Map`',
    ],
    ['p99.9 of get column', '99.9 % of reads while two processes write at full speed stay within their median, times'],
    ['iterate 1,000,000 rows', 'an iteration meets'],
    ['open a table of', 'opening a table of 1 GiB takes'],
    ['memory per row of', 'a row of int32, float64, string(64) under a key of 31 bytes takes, all in'],
    ['HTTP GET a row, 1 worker', 'HTTP requests/s of one worker, times those of a Fastify service over a `Map`'],
  ];
  return wanted
    .flatMap(([beginning, sentence]) => {
      const [figure] = figuresBeginning(report, beginning);
      if (figure === undefined) return [];
      const unit = figure.unit === 'x' ? '' : ` ${figure.unit}`;
      return `- ${sentence}: ${shown(figure.value.median)}${unit}`;
    })
    .join('\n');
}

function ratioShown(figure: ReportedFigure | undefined): string {
  return figure === undefined ? '' : shown(figure.value.median);
}

function markdownTable([header, ...lines]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [row(header), row(header.map(() => '---')), ...lines.map(row)].join('\n');
}
