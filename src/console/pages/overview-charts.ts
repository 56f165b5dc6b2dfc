/** The last 15 minutes. */
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatMs, formatShort } from '../formats.js';
import { type ChartData, SPAN_S } from '../overview/chart-history.js';
import { Chart } from '../parts/chart.js';
import { h, html } from '../parts/html.js';

interface OverviewChartsProps {
  readonly charts: ChartData;
}

export function OverviewCharts({ charts }: OverviewChartsProps): VNode {
  const { times, lines } = charts;
  const all = useMemo(
    () => ({
      writes: [
        { label: 'Inserts', values: lines.inserts },
        { label: 'Updates', values: lines.updates },
        { label: 'Deletes', values: lines.deletes },
        { label: 'Expired and evicted', values: lines.removals },
      ],
      requests: [
        { label: 'All', values: lines.requests },
        { label: '4xx', values: lines.errors4xx },
        { label: '5xx', values: lines.errors5xx },
      ],
      latency: [
        { label: 'p50', values: lines.p50 },
        { label: 'p99', values: lines.p99 },
      ],
      delay: [{ label: 'Slowest worker', values: lines.loopDelay }],
    }),
    [lines],
  );
  const shared = { times, spanS: SPAN_S };
  return html`<section aria-labelledby="charts-title">
    <h2 id="charts-title">Last 15 minutes</h2>
    <div class="charts">
      ${h(Chart, { ...shared, title: 'Row changes per second', series: all.writes, format: formatNumber })}
      ${h(Chart, { ...shared, title: 'Requests per second', series: all.requests, format: formatNumber })}
      ${h(Chart, { ...shared, title: 'Time of a request', series: all.latency, format: formatMs })}
      ${h(Chart, { ...shared, title: 'Event loop delay, p99', series: all.delay, format: formatMs })}
    </div>
  </section>`;
}

function formatNumber(value: number): string {
  return value < 10 ? String(Number(value.toFixed(1))) : formatShort(value);
}
