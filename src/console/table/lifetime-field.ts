/** What is to become of the expiry of a row. */
import type { VNode } from 'preact';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { type LifetimeDraft, lifetimeOf, UNITS, type Unit } from './lifetime.js';

interface LifetimeFieldProps {
  readonly draft: LifetimeDraft;
  /** What can be chosen, with its name. */
  readonly choices: readonly { readonly value: LifetimeDraft['choice']; readonly label: string }[];
  readonly isDisabled: boolean;
  readonly onChange: (draft: LifetimeDraft) => void;
}

export function LifetimeField({ draft, choices, isDisabled, onChange }: LifetimeFieldProps): VNode {
  const lifetime = lifetimeOf(draft);
  return html`<div class="fields">
    ${h(SelectField<LifetimeDraft['choice']>, {
      label: 'Expiry',
      value: draft.choice,
      options: choices,
      isDisabled,
      onChange: (choice) => onChange({ ...draft, choice }),
    })}
    ${
      draft.choice === 'set' &&
      html`${h(TextField, {
        label: 'Expires in',
        value: draft.count,
        isCode: true,
        inputMode: 'decimal',
        isDisabled,
        error: lifetime !== undefined && 'problem' in lifetime ? lifetime.problem : undefined,
        onInput: (count) => onChange({ ...draft, count }),
      })}
      ${h(SelectField<Unit>, {
        label: 'Unit',
        value: draft.unit,
        options: (Object.keys(UNITS) as Unit[]).map((value) => ({ value, label: value })),
        isDisabled,
        onChange: (unit) => onChange({ ...draft, unit }),
      })}`
    }
  </div>`;
}
