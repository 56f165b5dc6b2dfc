/** What to show when data could not be loaded. */
import type { VNode } from 'preact';
import { messageOf } from '../client/problem.js';
import { html } from './html.js';

interface ProblemBoxProps {
  /** What could not be done: `The rows could not be read`. */
  readonly what: string;
  readonly error: unknown;
  readonly onRetry?: () => void;
}

export function ProblemBox({ what, error, onRetry }: ProblemBoxProps): VNode {
  return html`<div class="error-box" role="alert">
    <p><strong>${what}.</strong> ${messageOf(error)}</p>
    ${onRetry !== undefined && html`<button type="button" onClick=${onRetry}>Try again</button>`}
  </div>`;
}
