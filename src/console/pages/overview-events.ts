/** What has happened: slow requests, recoveries, workers that died, snapshots. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { formatDateTime, formatTime } from '../formats.js';
import type { OverviewEvent } from '../overview/overview-data.js';
import { keyOf } from '../overview/overview-model.js';
import { SelectField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { hrefOf } from '../route.js';

interface OverviewEventsProps {
  /** The newest first. */
  readonly events: readonly OverviewEvent[];
}

const LEVELS = [
  { value: 'all', label: 'All events' },
  { value: 'warnings', label: 'Warnings and errors' },
] as const;
const LEVEL_NAMES = { info: 'Info', warn: 'Warning', error: 'Error' };

export function OverviewEvents({ events }: OverviewEventsProps): VNode {
  const [level, setLevel] = useState<(typeof LEVELS)[number]['value']>('all');
  const shown = level === 'all' ? events : events.filter((event) => event.level !== 'info');
  return html`<section aria-labelledby="events-title">
    <div class="head">
      <h2 id="events-title">Events</h2>
      ${h(SelectField<(typeof LEVELS)[number]['value']>, { label: 'Show', value: level, options: LEVELS, onChange: setLevel })}
    </div>
    ${
      shown.length === 0
        ? html`<p class="panel soft">${events.length === 0 ? 'Nothing has happened yet.' : 'No warnings or errors.'}</p>`
        : html`<ol class="events panel" tabindex="0" aria-labelledby="events-title">
            ${shown.map(
              (event) => html`<li key=${keyOf(event)} class=${event.level}>
                <time title=${formatDateTime(event.at)}>${formatTime(event.at)}</time>
                <span class="level">${LEVEL_NAMES[event.level] ?? event.level}</span>
                <span class="message">${event.message}${
                  event.table !== undefined &&
                  html` <a class="code" href=${hrefOf({ page: 'table', table: event.table })}>${event.table}</a>`
                }</span>
              </li>`,
            )}
          </ol>`
    }
  </section>`;
}
