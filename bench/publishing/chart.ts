/**
 * The chart of the README: for each operation and store, how many times as fast the table is. The axis is logarithmic,
 * so that twice as fast and half as fast are equally far from 1.
 */
import { shown } from '../../src/bench/figure.js';
import { type Report, whereAndWhen } from '../../src/bench/report.js';
import { findFigure, SHOWN_OPERATIONS, SHOWN_ROWS, storesIn } from './figures-of.js';

/** A `Map` is shown at several sizes, because its speed depends on whether it fits into the processor's cache. */
const MAP_ROWS = ['1,000 rows', '100,000 rows', '4,000,000 rows'];

interface Bar {
  readonly label: string;
  readonly ratio: number;
}

const WIDTH = 760;
const LABEL_WIDTH = 170;
const VALUE_WIDTH = 60;
const BAR = 16;
const STEP = 21;
const TITLE = 34;
const MARGIN = 16;
/** The ends of the axis; the bar of a ratio beyond them ends there. */
const LEAST = 0.1;
const MOST = 100;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/** The SVG document. */
export function chartOf(report: Report): string {
  const panels = SHOWN_OPERATIONS.map((operation) => ({ operation, bars: barsOf(report, operation) }));
  let y = 2 * MARGIN + 10;
  const drawn: string[] = [];
  for (const { operation, bars } of panels) {
    y += TITLE;
    drawn.push(`<text class="title" x="${LABEL_WIDTH}" y="${y - 10}">${operation}</text>`);
    for (const bar of bars) {
      drawn.push(drawBar(bar, y));
      y += STEP;
    }
  }
  const foot = y + MARGIN;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${foot + 2 * MARGIN}" role="img" aria-labelledby="t">`,
    `<title id="t">How many times as fast shmtable is as other stores, ${SHOWN_ROWS}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="100%" height="100%"/>`,
    `<text class="head" x="${MARGIN}" y="${2 * MARGIN}">Times as fast as… (${SHOWN_ROWS} unless stated otherwise; logarithmic)</text>`,
    ...TICKS.map((tick) => drawTick(tick, 3 * MARGIN, y, foot)),
    ...drawn,
    `<text class="foot" x="${MARGIN}" y="${foot + MARGIN + 4}">${escaped(whereAndWhen(report))}</text>`,
    '</svg>',
  ].join('\n')}\n`;
}

function barsOf(report: Report, operation: string): Bar[] {
  const maps = MAP_ROWS.map((rows) => ({ comparedWith: 'Map', rows, label: `Map, ${rows}` }));
  const others = storesIn(report)
    .filter(({ comparedWith }) => comparedWith !== 'Map')
    .map((store) => ({ ...store, rows: SHOWN_ROWS }));
  return [...maps, ...others].flatMap(({ comparedWith, rows, label }) => {
    const figure = findFigure(report, `${operation}, ${rows}`, comparedWith);
    return figure === undefined ? [] : { label, ratio: figure.value.median };
  });
}

/** Draws a bar from 1 to the ratio: to the right if the table is faster. */
function drawBar({ label, ratio }: Bar, y: number): string {
  const [one, end] = [placeOf(1), placeOf(ratio)];
  const middle = y + BAR - 4;
  const kind = ratio >= 1 ? 'faster' : 'slower';
  return [
    `<text class="label" x="${LABEL_WIDTH - 8}" y="${middle}">${escaped(label)}</text>`,
    `<rect class="${kind}" x="${fixed(Math.min(one, end))}" y="${y}" width="${fixed(Math.abs(end - one))}" height="${BAR}"/>`,
    `<text class="value" x="${fixed(Math.max(one, end) + 5)}" y="${middle}">${shown(ratio)}×</text>`,
  ].join('');
}

function drawTick(tick: number, top: number, bottom: number, foot: number): string {
  const x = fixed(placeOf(tick));
  const kind = tick === 1 ? 'one' : 'grid';
  return (
    `<line class="${kind}" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>` +
    `<text class="tick" x="${x}" y="${foot - 2}">${tick}</text>`
  );
}

function placeOf(ratio: number): number {
  const within = Math.min(Math.max(ratio, LEAST), MOST);
  const share = Math.log(within / LEAST) / Math.log(MOST / LEAST);
  return LABEL_WIDTH + share * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
}

function fixed(pixels: number): string {
  return pixels.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const STYLE = [
  'text{font:12px system-ui,sans-serif;fill:#24292f}',
  '.head,.title{font-weight:600}.head{font-size:14px}',
  '.label{text-anchor:end}.tick{text-anchor:middle;fill:#656d76;font-size:11px}.foot{fill:#656d76;font-size:11px}',
  '.paper{fill:#ffffff}.grid{stroke:#d8dee4}.one{stroke:#656d76}.faster{fill:#2f6fde}.slower{fill:#c2601b}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.tick,.foot{fill:#9198a1}.paper{fill:#0d1117}',
  '.grid{stroke:#30363d}.one{stroke:#9198a1}.faster{fill:#4c8dff}.slower{fill:#e08a4a}}',
].join('');
