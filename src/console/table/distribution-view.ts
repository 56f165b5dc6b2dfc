/** How long the chains of a table's index are, and how large its rows and values. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Distribution, SizeClass } from '../../table/types.js';
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { formatBytes, formatCount, formatPercent, formatPlural } from '../formats.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { useLoaded } from './loaded.js';

/** The service reads a sample of the rows for it, so it is loaded only when somebody wants to see it. */
export function DistributionView({ table }: { readonly table: string }): VNode {
  const [isWanted, setWanted] = useState(false);
  const { value, error, isLoading, reload } = useLoaded(isWanted ? table : undefined, async (signal) => {
    const answer = await call<Distribution>(`${tablePath(table)}/distribution`, { signal });
    return answer.value;
  });
  return html`<section aria-labelledby="distribution">
    <div class="head">
      <h2 id="distribution">Distribution</h2>
      <button type="button" disabled=${isLoading && isWanted} onClick=${() => (isWanted ? reload() : setWanted(true))}>
        ${isWanted ? 'Load again' : 'Load'}
      </button>
      ${value !== undefined && html`<span class="soft" role="status">${sampleOf(value)}</span>`}
    </div>
    ${error !== undefined && h(ProblemBox, { what: 'The histograms could not be read', error, onRetry: reload })}
    ${value !== undefined && html`<div class="charts">${histogramsOf(value)}</div>`}
  </section>`;
}

function sampleOf({ sample: { chains, ofChains, rows } }: Distribution): string {
  const part = chains === ofChains ? 'all' : formatCount(chains);
  return `${formatPlural(rows, 'row')} in ${part} of ${formatPlural(ofChains, 'chain')}`;
}

function histogramsOf({ chainLengths, rowBytes, valueBytes }: Distribution): VNode[] {
  const chains = chainLengths.map(({ buckets, count }) => ({ label: formatPlural(buckets, 'bucket'), count }));
  return [
    h(Histogram, { key: '/chains', title: 'Chains by length', of: 'Chains', bars: chains }),
    h(Histogram, { key: '/rows', title: 'Rows by size', of: 'Rows', bars: sizeBars(rowBytes) }),
    ...Object.entries(valueBytes).map(([column, classes]) =>
      h(Histogram, { key: column, title: `Values of ${column} by size`, of: 'Values', bars: sizeBars(classes) }),
    ),
  ];
}

function sizeBars(classes: readonly SizeClass[]): Bar[] {
  return classes.map(({ upTo, count }) => ({ label: upTo === 0 ? 'empty' : `up to ${formatBytes(upTo)}`, count }));
}

interface Bar {
  readonly label: string;
  readonly count: number;
}

interface HistogramProps {
  readonly title: string;
  /** What is counted. */
  readonly of: string;
  readonly bars: readonly Bar[];
}

/** A bar for each class, beside its numbers; the longest bar is the largest class. */
function Histogram({ title, of, bars }: HistogramProps): VNode {
  const total = bars.reduce((sum, { count }) => sum + count, 0);
  const most = bars.reduce((max, { count }) => Math.max(max, count), 0);
  return html`<div class="chart">
    <table class="histogram">
      <caption>${title}</caption>
      <thead class="visually-hidden">
        <tr><th scope="col">Class</th><th scope="col">Part</th><th scope="col">${of}</th></tr>
      </thead>
      <tbody>
        ${bars.map(
          ({ label, count }) => html`<tr key=${label}>
            <th scope="row">${label}</th>
            <td class="bar-cell">
              <progress aria-label=${`${label}: part of the largest class`} max="1" value=${most === 0 ? 0 : count / most}></progress>
            </td>
            <td class="number">${formatCount(count)} <span class="hint">${formatPercent(count / total)}</span></td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${bars.length === 0 && html`<p class="soft">None.</p>`}
  </div>`;
}
