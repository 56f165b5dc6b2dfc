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
    `How many times as fast the table is, with ${SHOWN_ROWS} and a new string as the key each time; medians of one run on an ${whereAndWhen(report)}:`,
    markdownTable([header, ...lines]),
    ['1,000 rows', '4,000,000 rows']
      .map((rows) => `With ${rows}, compared with a \`Map\`: ${besideMap(report, rows)}.`)
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

/** The figures that compare no stores, as a list. `#` is where the number stands. */
function singles(report: Report): string {
  const wanted: [string, string][] = [
    ['get column by 2 processes, in sum', 'Two processes together read # times as many rows as one.'],
    ['set different rows by 2 processes', 'Two processes that write different rows write # times as many as one.'],
    [
      'get row, 4,000,000 rows, huge pages',
      'With `hugePages: true`, a row of a table of 4,000,000 is read # times as fast as from a `Map`.',
    ],
    [
      'p99.9 of get column',
      'While two processes write without pause, 99.9 % of reads take less than # times the median.',
    ],
    ['iterate 1,000,000 rows', 'An iteration visits #.'],
    ['open a table of', 'A table of 1 GiB is opened in #.'],
    [
      'memory per row of',
      'A row of int32, float64 and string(64) under a key of 31 bytes takes #, everything included.',
    ],
    ['HTTP GET a row, 1 worker', 'One worker answers # times as many HTTP requests as a Fastify service over a `Map`.'],
  ];
  return wanted
    .flatMap(([beginning, sentence]) => {
      const [figure] = figuresBeginning(report, beginning);
      if (figure === undefined) return [];
      const unit = figure.unit === 'x' ? '' : ` ${figure.unit}`;
      return `- ${sentence.replace('#', `${shown(figure.value.median)}${unit}`)}`;
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
