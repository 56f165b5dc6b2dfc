/** The field in which one value of a row is edited, by the type of its column. */
import type { VNode } from 'preact';
import { formatBytes, formatCount, formatPlural } from '../formats.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { type ColumnShape, columnShape, isBinary, isTextual } from './column-shape.js';
import { FileButtons } from './file-buttons.js';
import { convertDraft, type Draft, type Notation, notationsOf, readDraft, valueBytes } from './value-text.js';

/** A longer text makes a text field slow: it is only shown in part, downloaded, and replaced by a file. */
const MAX_EDITED = 256 * 1024;
const SHOWN_OF_LONG = 2000;

const NOTATIONS: Readonly<Record<Notation, string>> = {
  plain: 'plain',
  escaped: 'with escapes',
  base64: 'base64',
  hex: 'hexadecimal',
};

interface ValueFieldProps {
  readonly name: string;
  readonly type: string;
  readonly draft: Draft;
  readonly isChanged: boolean;
  readonly isDisabled: boolean;
  readonly onChange: (draft: Draft) => void;
  /** Takes back what was changed; undefined where there is nothing before. */
  readonly onUndo: (() => void) | undefined;
}

export function ValueField(props: ValueFieldProps): VNode {
  const { name, type, draft, isChanged, onChange, onUndo } = props;
  const shape = columnShape(type);
  const notations = notationsOf(type);
  const isLong = draft.text.length > MAX_EDITED;
  const canBeFile = shape.kind === 'text' || isBinary(shape) || shape.kind === 'json';
  return html`<div class=${isChanged ? 'value-field changed' : 'value-field'} role="group" aria-label=${name}>
    ${isLong ? longText(props) : control(props, shape)}
    <div class="buttons">
      ${
        notations.length > 1 &&
        !isLong &&
        h(SelectField<Notation>, {
          label: 'Notation',
          value: draft.notation,
          options: notations.map((value) => ({ value, label: NOTATIONS[value] })),
          onChange: (notation) => onChange(convertDraft(type, draft, notation) ?? draft),
        })
      }
      ${canBeFile && h(FileButtons, { name, type, draft, isDisabled: props.isDisabled, onChange })}
      ${
        shape.kind === 'json' &&
        !isLong &&
        html`<button type="button" class="quiet" disabled=${props.isDisabled} onClick=${() => onChange(indented(draft))}>Indent</button>`
      }
      ${isChanged && onUndo !== undefined && html`<button type="button" class="quiet" onClick=${onUndo}>Undo</button>`}
    </div>
  </div>`;
}

function control({ name, type, draft, isDisabled, onChange }: ValueFieldProps, shape: ColumnShape): VNode {
  const reading = readDraft(type, draft);
  const label = `${name}: ${type}`;
  if (shape.kind === 'boolean') {
    return h(SelectField<string>, {
      label,
      value: draft.text,
      isDisabled,
      options: ['false', 'true'].map((value) => ({ value, label: value })),
      onChange: (text) => onChange({ ...draft, text }),
    });
  }
  return h(TextField, {
    label,
    value: draft.text,
    isCode: true,
    isDisabled,
    rows: rowsOf(shape, draft),
    error: reading.json === undefined ? `${name} ${reading.problem}` : undefined,
    hint: reading.json === undefined ? undefined : hintOf(type, shape, reading),
    onInput: (text) => onChange({ ...draft, text }),
  });
}

function hintOf(type: string, shape: ColumnShape, { json, note }: { json: string; note?: string }): string | undefined {
  if (note !== undefined) return note;
  if (shape.range !== undefined) return `${shape.range.min} to ${shape.range.max}`;
  if (!isTextual(shape) && !isBinary(shape)) return undefined;
  const bytes = valueBytes(type, json);
  if (shape.maxBytes === undefined) return formatPlural(bytes, 'byte');
  return `${formatCount(bytes)} of ${formatPlural(shape.maxBytes, 'byte')}`;
}

/** A text field of one line would drop the ends of lines, so whatever may have some gets several. */
function rowsOf(shape: ColumnShape, { text }: Draft): number {
  if (isBinary(shape) || isTextual(shape) || shape.kind === 'json') {
    const lines = text.split('\n', 21).reduce((sum, line) => sum + 1 + Math.floor(line.length / 70), 0);
    return Math.min(Math.max(lines, 2), 20);
  }
  return 1;
}

function longText({ name, type, draft, isChanged }: ValueFieldProps): VNode {
  const reading = readDraft(type, draft);
  const size = reading.json === undefined ? undefined : formatBytes(valueBytes(type, reading.json));
  return html`<div class="field">
    <span class="label">${name}: ${type}</span>
    <pre class="code preview" tabindex="0" role="region" aria-label=${`Beginning of ${name}`}>${draft.text.slice(0, SHOWN_OF_LONG)}…</pre>
    ${
      reading.json === undefined
        ? html`<p class="field-error">${name} ${reading.problem}</p>`
        : html`<p class="hint">
            ${size}${isChanged ? ', from a file' : ''}: too long to edit here. Download it, or replace it by a file.
          </p>`
    }
  </div>`;
}

function indented(draft: Draft): Draft {
  try {
    return { ...draft, text: JSON.stringify(JSON.parse(draft.text), null, 2) };
  } catch {
    return draft;
  }
}
