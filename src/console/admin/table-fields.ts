/** The fields of the forms that create and alter a table. */
import type { ComponentChildren, VNode } from 'preact';
import { formatBytes, formatCount } from '../formats.js';
import { SelectField, TextField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';
import { ColumnFields } from './column-fields.js';
import { parseByteSize } from './quantities.js';
import { type FormErrors, type FormOptions, hasHeap, type TableForm } from './table-form.js';

interface TableFieldsProps {
  readonly form: TableForm;
  readonly errors: FormErrors;
  readonly options: FormOptions | undefined;
  /** Whether a field without a value means that the table stays as it is. */
  readonly isAltering?: boolean;
  readonly onChange: (form: TableForm) => void;
}

const EVICTIONS = [
  { value: 'none', label: 'Refuse new rows' },
  { value: 'lru', label: 'Evict rows not used recently' },
] as const;

export function TableFields({ form, errors, options, isAltering = false, onChange }: TableFieldsProps): VNode {
  const text = (
    field: Exclude<keyof TableForm, 'columns' | 'evict'>,
    label: string,
    hint: ComponentChildren,
    placeholder = '',
  ): VNode =>
    h(TextField, {
      label,
      hint,
      placeholder,
      value: form[field],
      error: errors[field],
      isCode: true,
      onInput: (value) => onChange({ ...form, [field]: value }),
    });
  const heapBytes = 256 * (options?.capacity ?? 0);
  return html`<div class="fields">
      ${text('capacity', 'Capacity', 'Rows; exactly this many fit', '100,000')}
      ${h(SelectField<'none' | 'lru'>, {
        label: 'When full',
        value: form.evict,
        options: EVICTIONS,
        onChange: (evict) => onChange({ ...form, evict }),
      })}
    </div>
    ${h(ColumnFields, { columns: form.columns, errors, onChange: (columns) => onChange({ ...form, columns }) })}
    <div class="fields">
      ${
        hasHeap(form) &&
        html`${text(
          'heapBytes',
          'Heap',
          sizeHint(
            form.heapBytes,
            heapBytes === 0 ? 'By default 256 bytes a row' : `By default ${formatBytes(heapBytes)}`,
          ),
          heapBytes === 0 ? '' : formatCount(heapBytes),
        )}
        ${text('blockBytes', 'Blocks of the heap', 'Bytes, a power of two, 64 to 4,096', '256')}`
      }
      ${text('maxKeyBytes', 'Longest key', 'Bytes of UTF-8, 1 to 255', '63')}
      ${text('changes', 'Change feed', sizeHint(form.changes, 'Bytes, such as 1 MiB; 0 for none'), '0')}
      ${text('maxParticipants', 'Writing threads', 'In all processes together, 1 to 1,024', isAltering ? 'as it is' : '128')}
    </div>`;
}

/** What a size with a unit is, or the general hint. */
function sizeHint(text: string, otherwise: string): string {
  const bytes = parseByteSize(text);
  return bytes === undefined || bytes < 1024 ? otherwise : formatBytes(bytes);
}
