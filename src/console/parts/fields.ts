/** Form fields: a label, a control, a hint, and the error of its value. */
import type { ComponentChildren, VNode } from 'preact';
import { useId } from 'preact/hooks';
import { html } from './html.js';

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** Why the value is not accepted. */
  readonly error?: string | undefined;
  readonly isDisabled?: boolean;
}

interface TextFieldProps extends FieldProps {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: 'text' | 'password' | 'search';
  readonly placeholder?: string;
  /** For names, keys and numbers: a fixed-width font, and no corrections by the browser. */
  readonly isCode?: boolean;
  readonly isRequired?: boolean;
  readonly inputMode?: 'numeric' | 'decimal';
  /** Suggested values. */
  readonly suggestions?: readonly string[];
  /** More than 1 for a text of several lines. */
  readonly rows?: number;
  readonly autocomplete?: string;
}

export function TextField(props: TextFieldProps): VNode {
  const { value, onInput, type = 'text', isCode = false, isRequired = false, rows = 1, suggestions } = props;
  const id = useId();
  const listId = `${id}-list`;
  const attributes = {
    id,
    value,
    placeholder: props.placeholder,
    disabled: props.isDisabled,
    required: isRequired,
    inputMode: props.inputMode,
    class: isCode ? 'code' : undefined,
    spellcheck: isCode ? false : undefined,
    autocapitalize: isCode ? 'off' : undefined,
    autocomplete: props.autocomplete ?? 'off',
    'aria-invalid': props.error === undefined ? undefined : true,
    'aria-describedby': describedBy(id, props),
    onInput: (event: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => onInput(event.currentTarget.value),
  };
  const control =
    rows > 1
      ? html`<textarea ...${attributes} rows=${rows}></textarea>`
      : html`<input ...${attributes} type=${type} list=${suggestions === undefined ? undefined : listId} />`;
  return framed(
    id,
    props,
    html`${control}
    ${suggestions !== undefined && html`<datalist id=${listId}>${suggestions.map((each) => html`<option value=${each} />`)}</datalist>`}`,
  );
}

interface SelectFieldProps<V extends string> extends FieldProps {
  readonly value: V;
  readonly options: readonly { readonly value: V; readonly label: string }[];
  readonly onChange: (value: V) => void;
}

export function SelectField<V extends string>(props: SelectFieldProps<V>): VNode {
  const { value, options, onChange } = props;
  const id = useId();
  const change = (event: { currentTarget: HTMLSelectElement }): void => {
    const chosen = options[event.currentTarget.selectedIndex];
    if (chosen !== undefined) onChange(chosen.value);
  };
  return framed(
    id,
    props,
    html`<select
      id=${id}
      disabled=${props.isDisabled}
      aria-invalid=${props.error === undefined ? undefined : true}
      aria-describedby=${describedBy(id, props)}
      onChange=${change}
    >
      ${options.map((each) => html`<option value=${each.value} selected=${each.value === value}>${each.label}</option>`)}
    </select>`,
  );
}

interface CheckboxFieldProps extends FieldProps {
  readonly isChecked: boolean;
  readonly onChange: (isChecked: boolean) => void;
}

export function CheckboxField(props: CheckboxFieldProps): VNode {
  const id = useId();
  return html`<div class="field checkbox">
    <label for=${id}>
      <input
        id=${id}
        type="checkbox"
        checked=${props.isChecked}
        disabled=${props.isDisabled}
        aria-describedby=${describedBy(id, props)}
        onChange=${(event: { currentTarget: HTMLInputElement }) => props.onChange(event.currentTarget.checked)}
      />
      ${props.label}
    </label>
    ${remarks(id, props)}
  </div>`;
}

function framed(id: string, props: FieldProps, control: VNode): VNode {
  return html`<div class="field">
    <label for=${id}>${props.label}</label>
    ${control} ${remarks(id, props)}
  </div>`;
}

function remarks(id: string, { hint, error }: FieldProps): VNode {
  return html`${hint !== undefined && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  ${error !== undefined && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}`;
}

function describedBy(id: string, { hint, error }: FieldProps): string | undefined {
  const ids = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(
    (each) => each !== false,
  );
  return ids.length === 0 ? undefined : ids.join(' ');
}
