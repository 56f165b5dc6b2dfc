/** The memory that a table will take, while its options are typed. */
import type { VNode } from 'preact';
import { formatBytes } from '../formats.js';
import { html } from '../parts/html.js';
import { tableBytes } from '../table-bytes.js';
import type { FormOptions } from './table-form.js';

interface MemoryEstimateProps {
  /** Undefined as long as the form has errors. */
  readonly options: FormOptions | undefined;
  /** The bytes of the table that is altered. */
  readonly presentBytes?: number;
}

export function MemoryEstimate({ options, presentBytes }: MemoryEstimateProps): VNode {
  if (options === undefined) {
    return html`<output class="estimate">The memory is shown when every field is right.</output>`;
  }
  const { total, rows, spares, index, heap = 0, other } = tableBytes(options);
  const parts = [
    `rows ${formatBytes(rows)}`,
    `index ${formatBytes(index)}`,
    ...(heap > 0 ? [`heap ${formatBytes(heap)}`] : []),
    `spare rows ${formatBytes(spares)}`,
    `change feed and other ${formatBytes(other)}`,
  ];
  return html`<output class="estimate">
    <strong>Memory ${formatBytes(total)}</strong>
    ${
      presentBytes !== undefined &&
      html`<span>
        Now ${formatBytes(presentBytes)}; ${formatBytes(presentBytes + total)} for both, until the old memory is released
      </span>`
    }
    <span class="soft">${parts.join(', ')}</span>
  </output>`;
}
