/** How far something is, and how full. */
import type { VNode } from 'preact';
import { formatPercent } from '../formats.js';
import { html } from './html.js';

interface ProgressProps {
  readonly label: string;
  /** 0 .. 1; undefined as long as it is not known how much there is to do. */
  readonly part: number | undefined;
  /** Beside the bar, such as the bytes so far. */
  readonly detail?: string;
}

/** The progress of work. */
export function Progress({ label, part, detail }: ProgressProps): VNode {
  return html`<div class="progress">
    <span class="progress-label">${label}</span>
    <progress aria-label=${label} max="1" value=${part}></progress>
    <span class="progress-detail">${detail ?? formatPercent(part)}</span>
  </div>`;
}

interface FillBarProps {
  /** What is full, such as `rows of cities`. */
  readonly label: string;
  readonly used: number;
  readonly total: number;
}

/** How full something is; from nine tenths on in the colour of warnings. */
export function FillBar({ label, used, total }: FillBarProps): VNode {
  const part = total === 0 ? 0 : used / total;
  return html`<span class="fill">
    <progress class=${part >= 0.9 ? 'bar nearly-full' : 'bar'} aria-label=${label} max="1" value=${Math.min(part, 1)}></progress>
    <span class="fill-text">${formatPercent(part)}</span>
  </span>`;
}
