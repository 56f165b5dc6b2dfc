/** The editor of a table's columns. */
import type { VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { COLUMN_KINDS, type ColumnKind, isLong, sizeLabel, typeOf } from './column-types.js';
import { type ColumnForm, type FormErrors, newColumn } from './table-form.js';

interface ColumnFieldsProps {
  readonly columns: readonly ColumnForm[];
  readonly errors: FormErrors;
  readonly onChange: (columns: readonly ColumnForm[]) => void;
}

const KINDS = COLUMN_KINDS.map((value) => ({ value, label: value }));

export function ColumnFields({ columns, errors, onChange }: ColumnFieldsProps): VNode {
  const list = useRef<HTMLDivElement>(null);
  const focusLast = useRef(false);
  // A new column takes the focus, so that names can be typed one after the other.
  useLayoutEffect(() => {
    if (!focusLast.current) return;
    focusLast.current = false;
    list.current?.querySelector<HTMLInputElement>('.column:last-child input')?.focus();
  }, [columns.length]);
  const change = (id: number, part: Partial<ColumnForm>): void =>
    onChange(columns.map((column) => (column.id === id ? { ...column, ...part } : column)));
  const remove = (column: ColumnForm): void => {
    if (column.stored !== undefined) change(column.id, { isDropped: !column.isDropped });
    else onChange(columns.filter(({ id }) => id !== column.id));
  };
  const add = (): void => {
    focusLast.current = true;
    onChange([...columns, newColumn()]);
  };
  return html`<fieldset class="columns">
    <legend>Columns</legend>
    <div ref=${list}>
      ${columns.map((column) => columnRow(column, errors[`column/${column.id}`], change, remove))}
    </div>
    ${errors.columns !== undefined && html`<p class="field-error">${errors.columns}</p>`}
    <div class="buttons"><button type="button" onClick=${add}>Add a column</button></div>
  </fieldset>`;
}

function columnRow(
  column: ColumnForm,
  error: string | undefined,
  change: (id: number, part: Partial<ColumnForm>) => void,
  remove: (column: ColumnForm) => void,
): VNode {
  const { id, name, kind, size, stored, isDropped } = column;
  const label = sizeLabel(kind);
  const verb = stored === undefined || !isDropped ? 'Remove' : 'Keep';
  return html`<div class=${isDropped ? 'column dropped' : 'column'} key=${id}>
    ${h(TextField, {
      label: 'Name',
      value: name,
      error,
      isCode: true,
      isDisabled: stored !== undefined,
      onInput: (value) => change(id, { name: value }),
    })}
    ${h(SelectField<ColumnKind>, {
      label: 'Type',
      value: kind,
      options: KINDS,
      isDisabled: isDropped,
      onChange: (value) => change(id, { kind: value, size: sizeOf(value) }),
    })}
    ${
      label === undefined
        ? html`<span class="column-gap"></span>`
        : h(TextField, {
            label,
            value: size,
            placeholder: isLong(kind) ? '24' : '',
            isCode: true,
            isDisabled: isDropped,
            inputMode: 'numeric',
            onInput: (value) => change(id, { size: value }),
          })
    }
    <button type="button" aria-label=${`${verb} the column ${name}`} onClick=${() => remove(column)}>${verb}</button>
    ${
      stored !== undefined &&
      stored !== typeOf(kind, size) &&
      !isDropped &&
      html`<p class="hint column-note">Now ${stored}</p>`
    }
    ${isDropped && html`<p class="hint column-note">Will be removed with its values</p>`}
  </div>`;
}

/** A size to begin with. */
function sizeOf(kind: ColumnKind): string {
  return kind === 'string' || kind === 'bytes' ? '80' : '';
}
