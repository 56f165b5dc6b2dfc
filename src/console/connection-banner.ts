/** Says that the service does not answer, and since when. It goes away by itself. */
import type { VNode } from 'preact';
import { formatTime } from './formats.js';
import { liveOverview } from './overview/live-overview.js';
import { html } from './parts/html.js';
import { useStore } from './store.js';

export function ConnectionBanner(): VNode {
  const { view, stream, lostSince } = useStore(liveOverview);
  const problem = stream.state === 'waiting' || stream.state === 'refused' ? stream.problem.message : '';
  const isShown = lostSince !== undefined && view !== undefined;
  return html`<div class="banner" role="status">
    ${
      isShown &&
      html`<p>
        <strong>No answer from the service since ${formatTime(lostSince)}.</strong> ${
          stream.state === 'refused' ? `It refuses the connection: ${problem}.` : 'The page connects again by itself.'
        }
      </p>`
    }
  </div>`;
}
