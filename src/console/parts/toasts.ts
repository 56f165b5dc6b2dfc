/** Short messages about what has happened, which screen readers announce. */
import type { VNode } from 'preact';
import { createStore, useStore } from '../store.js';
import { html } from './html.js';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: 'done' | 'failed';
}

const SHOWN_MS = 6000;
const toasts = createStore<readonly Toast[]>([]);
let lastId = 0;

/** Shows a message: one that something was done goes by itself, one about a failure stays until it is closed. */
export function notify(text: string, kind: Toast['kind'] = 'done'): void {
  const id = ++lastId;
  toasts.set([...toasts.value.slice(-4), { id, text, kind }]);
  if (kind === 'done') setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.set(toasts.value.filter((each) => each.id !== id));
}

export function Toasts(): VNode {
  const shown = useStore(toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${shown.map(
      ({ id, text, kind }) => html`<div key=${id} class=${`toast ${kind}`}>
        <p>${text}</p>
        <button type="button" class="quiet" aria-label="Close this message" onClick=${() => close(id)}>
          <span aria-hidden="true">✕</span>
        </button>
      </div>`,
    )}
  </div>`;
}
