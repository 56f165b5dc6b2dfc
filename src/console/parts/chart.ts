/** A line chart over time, which is drawn again when data or colours change. */
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatTime } from '../formats.js';
import { useStore } from '../store.js';
import { darkness } from '../theme.js';
import { html } from './html.js';

interface ChartSeries {
  readonly label: string;
  /** A value for each time; null where there is none. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Epoch seconds, ascending. */
  readonly times: readonly number[];
  /** At most four, each in its own colour. */
  readonly series: readonly ChartSeries[];
  readonly format: (value: number) => string;
  /** The longest time shown, ending with the last one; less while there is less. */
  readonly spanS: number;
}

const HEIGHT = 120;
const SHORTEST_SPAN_S = 60;

/** Its text alternative is the legend below it, with the latest values. */
export function Chart({ title, times, series, format, spanS }: ChartProps): VNode {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = useStore(darkness);
  const data = useMemo(() => [times, ...series.map(({ values }) => values)] as uPlot.AlignedData, [times, series]);
  const last = times.at(-1) ?? 0;
  const range = useRef<[number, number]>([0, 1]);
  range.current = [last - Math.min(spanS, Math.max(last - (times[0] ?? last), SHORTEST_SPAN_S)), last];
  const labels = series.map(({ label }) => label).join('\n');
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new uPlot(optionsFor(element, series, format, range), data, element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [labels, isDark]);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <div ref=${place} class="chart-plot" aria-hidden="true"></div>
    <ul class="chart-legend">
      ${series.map(({ label, values }, index) => {
        const value = values.at(-1);
        return html`<li>
          <span class=${`chart-mark series-${index + 1}`} aria-hidden="true"></span>${label}
          <b>${value === null || value === undefined ? '–' : format(value)}</b>
        </li>`;
      })}
    </ul>
  </figure>`;
}

/** The points without a neighbour, which no line shows. */
function isolated(plot: uPlot, index: number): number[] {
  const values = plot.data[index];
  const isKnown = (at: number): boolean => values[at] !== null && values[at] !== undefined;
  return Array.from(values.keys()).filter((at) => isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1));
}

function optionsFor(
  element: HTMLElement,
  series: readonly ChartSeries[],
  format: (value: number) => string,
  range: { readonly current: [number, number] },
): uPlot.Options {
  const colour = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--text-soft'),
    font: `11px ${colour('--font')}`,
    grid: { stroke: colour('--line-soft'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(element.clientWidth, 50),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: {
      x: { time: true, range: () => range.current },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 70,
        values: (_plot, splits) => splits.map((each) => timeLabel(each, splits)),
      },
      { ...axis, size: 64, space: 30, values: (_plot, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...series.map((_, index) => ({
        stroke: colour(`--series-${index + 1}`),
        width: 1.5,
        points: { show: true, size: 4, filter: isolated },
      })),
    ],
  };
}

/** Hours and minutes; also seconds where the labels are less than a minute apart. */
function timeLabel(at: number, all: readonly number[]): string {
  const text = formatTime(at * 1000);
  return (all[1] ?? at + 60) - (all[0] ?? at) < 60 ? text : text.slice(0, 5);
}
