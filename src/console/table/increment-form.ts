/** Adds to a numeric column of a row, whatever others write meanwhile. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ProblemBox } from '../parts/problem-box.js';
import { notify } from '../parts/toasts.js';
import { columnShape, isNumeric } from './column-shape.js';
import { readAmount } from './number-text.js';
import { incrementColumn } from './rows-request.js';

interface IncrementFormProps {
  readonly table: string;
  readonly rowKey: string;
  readonly types: Readonly<Record<string, string>>;
  /** Why nothing can be added now. */
  readonly refusal: string | undefined;
  readonly onDone: () => void;
}

/** Shown only for a table with a numeric column. */
export function IncrementForm({ table, rowKey, types, refusal, onDone }: IncrementFormProps): VNode {
  const columns = Object.keys(types).filter((column) => isNumeric(columnShape(types[column])));
  const [column, setColumn] = useState(columns[0] ?? '');
  const [by, setBy] = useState('1');
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<unknown>();
  if (columns.length === 0) return html``;
  const amount = readAmount(columnShape(types[column] ?? ''), by);
  const add = (event: Event): void => {
    event.preventDefault();
    if (amount.json === undefined || refusal !== undefined || isRunning) return;
    setRunning(true);
    setError(undefined);
    incrementColumn(table, rowKey, column, amount.json)
      .then((value) => {
        notify(`${column} is ${value}`);
        onDone();
      }, setError)
      .finally(() => setRunning(false));
  };
  return html`<section>
    <h2>Increment</h2>
    <form class="panel increment" aria-label="Increment" onSubmit=${add}>
      ${h(SelectField<string>, {
        label: 'Column',
        value: column,
        options: columns.map((value) => ({ value, label: value })),
        onChange: setColumn,
      })}
      ${h(TextField, {
        label: 'By',
        value: by,
        isCode: true,
        inputMode: 'decimal',
        error: amount.json === undefined ? amount.problem : undefined,
        onInput: setBy,
      })}
      <button type="submit" disabled=${refusal !== undefined || isRunning || amount.json === undefined}>Add</button>
      ${refusal !== undefined && html`<p class="soft">${refusal}</p>`}
      ${error !== undefined && h(ProblemBox, { what: 'Nothing was added', error })}
    </form>
  </section>`;
}
