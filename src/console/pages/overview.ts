/** All tables and services, as they are now. */
import type { VNode } from 'preact';
import { liveOverview } from '../overview/live-overview.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { useTitle } from '../router.js';
import { useStore } from '../store.js';
import { OverviewCharts } from './overview-charts.js';
import { OverviewEvents } from './overview-events.js';
import { OverviewServices } from './overview-services.js';
import { OverviewTables } from './overview-tables.js';

export function OverviewPage(): VNode {
  useTitle('Overview');
  const { view, stream, lostSince } = useStore(liveOverview);
  if (view === undefined) {
    return html`<h1>Overview</h1>
      ${
        stream.state === 'refused' || stream.state === 'waiting'
          ? h(ProblemBox, { what: 'The overview cannot be shown', error: stream.problem })
          : html`<p class="loading">Waiting for the first numbers…</p>`
      }`;
  }
  const isLive = lostSince === undefined;
  return html`<h1>Overview</h1>
    ${h(OverviewTables, { tables: view.tables, isLive })}
    ${h(OverviewCharts, { charts: view.charts })}
    ${h(OverviewServices, { services: view.services, at: view.at, isLive })}
    ${h(OverviewEvents, { events: view.events })}`;
}
