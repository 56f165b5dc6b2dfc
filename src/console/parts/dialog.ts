/** A modal dialog, on the browser's own element: it keeps the focus, and Escape closes it. */
import type { ComponentChildren, VNode } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { html } from './html.js';

interface DialogProps {
  readonly title: string;
  /** Called when the user closes it; the parent then removes it. Undefined while it must stay open. */
  readonly onClose: (() => void) | undefined;
  readonly wide?: boolean;
  readonly children?: ComponentChildren;
}

/** It is open as long as it is part of the page, and gives the focus back to where it was. */
export function Dialog({ title, onClose, wide = false, children }: DialogProps): VNode {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  // Before the next key is pressed: an effect would run after the browser has drawn.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    // The first thing to fill in; in a question, the answer that changes nothing.
    dialog
      ?.querySelector<HTMLElement>(':is(.dialog-body :is(input, select, textarea), footer button):not(:disabled)')
      ?.focus();
    return () => {
      // While it is open, nothing else can have the focus.
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const cancel = (event: Event): void => {
    event.preventDefault();
    onClose?.();
  };
  return html`<dialog ref=${ref} class=${wide ? 'dialog wide' : 'dialog'} aria-labelledby=${titleId} onCancel=${cancel}>
    <header>
      <h2 id=${titleId}>${title}</h2>
      <button type="button" class="quiet" aria-label="Close" disabled=${onClose === undefined} onClick=${onClose}>
        <span aria-hidden="true">✕</span>
      </button>
    </header>
    ${children}
  </dialog>`;
}
