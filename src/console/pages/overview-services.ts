/** The services of the namespace on this host, and their workers. */
import type { ComponentChildren, VNode } from 'preact';
import {
  formatBytes,
  formatCount,
  formatDateTime,
  formatDuration,
  formatMs,
  formatRate,
  formatTime,
  NONE,
} from '../formats.js';
import type { ServiceView, WorkerView } from '../overview/overview-model.js';
import { type DataColumn, DataTable } from '../parts/data-table.js';
import { h, html } from '../parts/html.js';

interface OverviewServicesProps {
  readonly services: readonly ServiceView[];
  /** Epoch milliseconds of the numbers. */
  readonly at: number;
  readonly isLive: boolean;
}

interface WorkerRow extends WorkerView {
  readonly service: string;
}

export function OverviewServices({ services, at, isLive }: OverviewServicesProps): VNode {
  const workers: WorkerRow[] = services.flatMap((service) =>
    service.workers.map((worker) => ({ ...worker, service: service.instance })),
  );
  return html`<section aria-labelledby="services-title">
    <h2 id="services-title">Services</h2>
    ${h(DataTable<ServiceView>, {
      caption: 'Services',
      columns: serviceColumns(at, isLive),
      rows: services,
      keyOf: ({ instance }) => instance,
      rowClass: ({ goneSince }) => (goneSince === undefined ? undefined : 'gone'),
      empty: 'No service.',
    })}
    <h3>Workers</h3>
    ${h(DataTable<WorkerRow>, {
      caption: 'Workers',
      columns: services.length > 1 ? WORKER_COLUMNS : WORKER_COLUMNS.filter(({ id }) => id !== 'service'),
      rows: workers,
      keyOf: ({ service, pid }) => `${service}/${pid}`,
      sorting: { column: 'pid', isDown: false },
      empty: 'No worker.',
    })}
  </section>`;
}

function serviceColumns(at: number, isLive: boolean): readonly DataColumn<ServiceView>[] {
  const number = (
    id: string,
    title: string,
    explanation: string,
    text: (service: ServiceView) => ComponentChildren,
  ): DataColumn<ServiceView> => ({
    id,
    title,
    explanation,
    isNumber: true,
    cell: (service) => (service.goneSince === undefined && isLive ? text(service) : NONE),
  });
  return [
    {
      id: 'instance',
      title: 'Service',
      cell: ({ instance, isThis }) =>
        html`<span class="code" title=${instance}>${shortInstance(instance)}</span>${isThis && html` <span class="soft">(this one)</span>`}`,
    },
    { id: 'state', title: 'State', cell: (service) => stateOf(service, at, isLive) },
    { id: 'version', title: 'Version', cell: ({ version }) => version ?? NONE },
    number('workers', 'Workers', 'Processes that answer requests', ({ workers }) => formatCount(workers.length)),
    number('requests', 'Requests', 'Requests per second', ({ rates }) => formatRate(rates?.requests)),
    number('p50', 'p50', 'Half of the requests of the last second took at most this', ({ latency }) =>
      formatMs(latency.p50Ms),
    ),
    number('p99', 'p99', '99 % of the requests of the last second took at most this', ({ latency }) =>
      formatMs(latency.p99Ms),
    ),
    number('4xx', '4xx', 'Requests per second that were refused', ({ rates }) => formatRate(rates?.errors4xx)),
    number('5xx', '5xx', 'Requests per second that failed', ({ rates }) => formatRate(rates?.errors5xx)),
    number('inFlight', 'In flight', 'Requests being answered', ({ inFlight }) => formatCount(inFlight)),
    number('connections', 'Connections', 'Open connections of clients', ({ connections }) => formatCount(connections)),
    number('streams', 'Streams', 'Open streams of changes and of this overview', ({ streams }) => formatCount(streams)),
    number(
      'delay',
      'Loop delay',
      '99th percentile of the delay of the event loop, of the slowest worker',
      ({ loopDelayMs }) => formatMs(loopDelayMs),
    ),
  ];
}

/** The process and enough of what follows it to tell services apart. */
function shortInstance(instance: string): string {
  return instance.split('-', 2).join('-');
}

function stateOf({ goneSince, startedAt }: ServiceView, at: number, isLive: boolean): ComponentChildren {
  if (goneSince !== undefined) return html`<strong class="bad">Gone since ${formatTime(goneSince)}</strong>`;
  if (!isLive) return html`<strong class="bad">No answer since ${formatTime(at)}</strong>`;
  return html`<span title=${`Started ${formatDateTime(startedAt)}`}>Up ${formatDuration((at - startedAt) / 1000)}</span>`;
}

const WORKER_COLUMNS: readonly DataColumn<WorkerRow>[] = [
  { id: 'pid', title: 'Process', cell: ({ pid }) => String(pid), sortBy: ({ pid }) => pid },
  {
    id: 'service',
    title: 'Service',
    cell: ({ service }) => html`<span class="code" title=${service}>${shortInstance(service)}</span>`,
  },
  {
    id: 'uptime',
    title: 'Up',
    isNumber: true,
    cell: ({ uptimeS }) => formatDuration(uptimeS),
    sortBy: ({ uptimeS }) => uptimeS,
  },
  {
    id: 'requests',
    title: 'Requests',
    explanation: 'Requests per second',
    isNumber: true,
    cell: ({ requestRate }) => formatRate(requestRate),
    sortBy: ({ requestRate }) => requestRate,
  },
  {
    id: 'cpu',
    title: 'CPU',
    explanation: 'Of one core',
    isNumber: true,
    cell: ({ cpuPercent }) => `${cpuPercent.toFixed(1)} %`,
    sortBy: ({ cpuPercent }) => cpuPercent,
  },
  {
    id: 'memory',
    title: 'Memory',
    explanation: 'Resident memory, with the pages of tables that it has used',
    isNumber: true,
    cell: ({ rssBytes }) => formatBytes(rssBytes),
    sortBy: ({ rssBytes }) => rssBytes,
  },
  {
    id: 'delay',
    title: 'Loop delay',
    explanation: '99th percentile of the delay of the event loop',
    isNumber: true,
    cell: ({ eventLoopDelayP99Ms }) => formatMs(eventLoopDelayP99Ms),
    sortBy: ({ eventLoopDelayP99Ms }) => eventLoopDelayP99Ms,
  },
];
