/** Creates a table. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { messageOf } from '../client/problem.js';
import { ActionDialog } from '../parts/action-dialog.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { notify } from '../parts/toasts.js';
import { MemoryEstimate } from './memory-estimate.js';
import { TableFields } from './table-fields.js';
import { emptyForm, type FormErrors, fieldOf, readForm, type TableForm } from './table-form.js';

interface CreateDialogProps {
  readonly onClose: () => void;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const BACKENDS = [
  { value: 'default', label: 'Default of the service' },
  { value: 'posix', label: 'posix' },
  { value: 'sysv', label: 'sysv' },
] as const;
type Backend = (typeof BACKENDS)[number]['value'];

export function CreateDialog({ onClose }: CreateDialogProps): VNode {
  const [form, setForm] = useState(emptyForm);
  const [backend, setBackend] = useState<Backend>('default');
  const [refused, setRefused] = useState<FormErrors>({});
  const { options, errors } = readForm(form);
  const nameError = NAME.test(form.name)
    ? undefined
    : 'letters, digits, dot, hyphen and underscore; at most 64, and a letter, digit or underscore first';
  const change = (next: TableForm): void => {
    setForm(next);
    setRefused({});
  };
  const create = async (): Promise<void> => {
    const json = { ...options, ...(backend !== 'default' && { backend }) };
    try {
      const { status } = await call(tablePath(form.name), { method: 'PUT', json });
      notify(
        status === 201
          ? `The table ${form.name} was created.`
          : `There was a table ${form.name} with the same schema already.`,
      );
    } catch (problem) {
      const field = fieldOf(messageOf(problem));
      if (field !== undefined) setRefused({ [field]: messageOf(problem) });
      throw problem;
    }
  };
  // What has not been typed yet is missing, but not wrong.
  const shown = { ...shownErrors(form, errors), ...refused };
  return h(
    ActionDialog,
    {
      title: 'Create a table',
      action: 'Create',
      wide: true,
      summary: h(MemoryEstimate, { options }),
      isReady: options !== undefined && nameError === undefined,
      run: create,
      onClose,
    },
    html`<div class="fields">
        ${h(TextField, {
          label: 'Name',
          value: form.name,
          error: form.name === '' ? undefined : nameError,
          isCode: true,
          isRequired: true,
          onInput: (name) => change({ ...form, name }),
        })}
        ${h(SelectField<Backend>, { label: 'Kind of memory', value: backend, options: BACKENDS, onChange: setBackend })}
      </div>
      ${h(TableFields, { form, errors: shown, options, onChange: change })}
      ${errors.form !== undefined && html`<p class="field-error">${errors.form}</p>`}`,
  );
}

/** The errors of fields in which something was typed. */
function shownErrors(form: TableForm, errors: FormErrors): FormErrors {
  const untouched = new Set(form.columns.filter(({ name }) => name === '').map(({ id }) => `column/${id}`));
  if (form.capacity === '') untouched.add('capacity');
  return Object.fromEntries(Object.entries(errors).filter(([field]) => !untouched.has(field)));
}
