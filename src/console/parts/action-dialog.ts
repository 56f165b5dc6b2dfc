/** A dialog that asks, does something, and shows why it could not be done without losing what was typed. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { messageOf } from '../client/problem.js';
import { Dialog } from './dialog.js';
import { TextField } from './fields.js';
import { h, html } from './html.js';

interface ActionDialogProps {
  /** A question that names its subject: `Destroy the table cities?`. */
  readonly title: string;
  /** What will happen, or the fields of the form. */
  readonly children?: ComponentChildren;
  /** What stays in view beside the buttons while the fields are scrolled. */
  readonly summary?: ComponentChildren;
  /** The label of the button: a verb. */
  readonly action: string;
  /** For actions that cannot be undone. */
  readonly isDangerous?: boolean;
  /** What the user must type before the action is possible: the name of its subject. */
  readonly mustType?: string;
  /** False while the fields have errors. */
  readonly isReady?: boolean;
  readonly wide?: boolean;
  /** Does it; the dialog closes afterwards. What it throws is shown, and the dialog stays open. */
  readonly run: () => Promise<void>;
  readonly onClose: () => void;
}

export function ActionDialog(props: ActionDialogProps): VNode {
  const { title, action, isDangerous = false, mustType, isReady = true, wide = false, run, onClose } = props;
  const [typed, setTyped] = useState('');
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<string>();
  const canRun = isReady && !isRunning && (mustType === undefined || typed === mustType);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!canRun) return;
    setRunning(true);
    setError(undefined);
    try {
      await run();
      onClose();
    } catch (problem) {
      setError(messageOf(problem));
      setRunning(false);
    }
  };
  const contents = html`<form class="dialog-form" onSubmit=${submit}>
    <div class="dialog-body">
      ${props.children}
      ${
        mustType !== undefined &&
        h(TextField, { label: `Type ${mustType} to confirm`, value: typed, onInput: setTyped, isCode: true })
      }
    </div>
    <div class="dialog-end">
      ${error !== undefined && html`<p class="error-box" role="alert">${error}</p>`}
      ${props.summary}
    <footer>
      <button type="button" onClick=${onClose} disabled=${isRunning}>Cancel</button>
      <button type="submit" class=${isDangerous ? 'danger' : 'primary'} disabled=${!canRun}>
        ${isRunning ? 'Working…' : action}
      </button>
    </footer>
    </div>
  </form>`;
  return h(Dialog, { title, wide, onClose: isRunning ? undefined : onClose }, contents);
}
