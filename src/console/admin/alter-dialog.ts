/** Alters a table that is in use. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { messageOf } from '../client/problem.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { Dialog } from '../parts/dialog.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { notify } from '../parts/toasts.js';
import { changesTo, formOf, optionsAfter, type TableDescription } from './alteration.js';
import { MemoryEstimate } from './memory-estimate.js';
import { TableFields } from './table-fields.js';
import { type FormErrors, fieldOf, readForm, type TableForm } from './table-form.js';

interface AlterDialogProps {
  readonly table: string;
  readonly onClose: () => void;
}

/** Loads the present schema first. */
export function AlterDialog({ table, onClose }: AlterDialogProps): VNode {
  const [description, setDescription] = useState<TableDescription>();
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const closed = new AbortController();
    call<TableDescription>(tablePath(table), { signal: closed.signal }).then(
      ({ value }) => setDescription(value),
      (problem: unknown) => {
        if (!closed.signal.aborted) setError(problem);
      },
    );
    return () => closed.abort();
  }, [table]);
  if (description !== undefined) return h(AlterForm, { description, onClose });
  return h(
    Dialog,
    { title: `Alter the table ${table}`, wide: true, onClose },
    html`<div class="dialog-form">
      ${
        error === undefined
          ? html`<p class="loading">Reading its schema…</p>`
          : h(ProblemBox, { what: 'Its schema could not be read', error })
      }
    </div>`,
  );
}

interface AlterFormProps {
  readonly description: TableDescription;
  readonly onClose: () => void;
}

function AlterForm({ description, onClose }: AlterFormProps): VNode {
  const { name } = description;
  const [form, setForm] = useState(() => formOf(description));
  const [refused, setRefused] = useState<FormErrors>({});
  const { options, errors } = readForm(form);
  const changes = options === undefined ? undefined : changesTo(description, form, options);
  const after = options === undefined ? undefined : optionsAfter(description, form, options);
  const change = (next: TableForm): void => {
    setForm(next);
    setRefused({});
  };
  const alter = async (): Promise<void> => {
    try {
      await call(tablePath(name), { method: 'PATCH', json: changes?.body });
      notify(`The table ${name} was altered.`);
    } catch (problem) {
      const field = fieldOf(messageOf(problem));
      if (field !== undefined) setRefused({ [field]: messageOf(problem) });
      throw problem;
    }
  };
  return h(
    ActionDialog,
    {
      title: `Alter the table ${name}`,
      action: `Alter ${name}`,
      wide: true,
      summary: html`${h(MemoryEstimate, { options: after, presentBytes: description.stats.bytes })}
        ${changeList(changes?.lines ?? [])}`,
      isReady: changes !== undefined && changes.lines.length > 0,
      run: alter,
      onClose,
    },
    html`<p>
        The rows are copied to new memory, which replaces the old in one step for every process. Reads continue; writes
        wait for a moment at the end. What cannot be done changes nothing.
      </p>
      ${h(TableFields, { form, errors: { ...errors, ...refused }, options, isAltering: true, onChange: change })}
      ${errors.form !== undefined && html`<p class="field-error">${errors.form}</p>`}`,
  );
}

function changeList(lines: readonly string[]): VNode {
  if (lines.length === 0) return html`<p class="soft">Nothing is changed yet.</p>`;
  return html`<div class="change-list" role="group" aria-label="Changes" tabindex="0">
    <h3>Changes</h3>
    <ul>${lines.map((line) => html`<li key=${line}>${line}</li>`)}</ul>
  </div>`;
}
