/** What is typed into the forms that create and alter a table, and the options that it means. */
import type { Columns, ColumnType, TableOptions } from '../../table/types.js';
import { tableBytes } from '../table-bytes.js';
import { type ColumnKind, isLong, partsOf, typeOf } from './column-types.js';
import { parseByteSize, parseCount } from './quantities.js';

export interface ColumnForm {
  /** Tells it from the others, also while it has no name. */
  readonly id: number;
  readonly name: string;
  readonly kind: ColumnKind;
  readonly size: string;
  /** The type that the column has in the table; undefined for a new column. */
  readonly stored: string | undefined;
  readonly isDropped: boolean;
}

export interface TableForm {
  readonly name: string;
  readonly capacity: string;
  readonly columns: readonly ColumnForm[];
  readonly maxKeyBytes: string;
  readonly evict: 'none' | 'lru';
  readonly changes: string;
  readonly heapBytes: string;
  readonly blockBytes: string;
  readonly maxParticipants: string;
}

type TextField = Exclude<keyof TableForm, 'columns' | 'evict'>;
/** Errors by field; those of a column by `column/` and its id. */
export type FormErrors = Readonly<Record<string, string>>;
export type FormOptions = Omit<TableOptions<Columns>, 'name'>;

const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const NAME_RULE = 'letters, digits and underscores; at most 63, and no digit first';

let lastColumnId = 0;

export function newColumn(name = '', type = 'int32', isStored = false): ColumnForm {
  return { id: ++lastColumnId, name, ...partsOf(type), stored: isStored ? type : undefined, isDropped: false };
}

export function emptyForm(): TableForm {
  return {
    name: '',
    capacity: '',
    columns: [newColumn()],
    maxKeyBytes: '',
    evict: 'none',
    changes: '',
    heapBytes: '',
    blockBytes: '',
    maxParticipants: '',
  };
}

/** Whether the table has a heap. */
export function hasHeap(form: TableForm): boolean {
  return form.columns.some(({ kind, isDropped }) => !isDropped && isLong(kind));
}

/** The options that the form means, or the errors of its fields. Fields that are empty have the default of the service. */
export function readForm(form: TableForm): { options: FormOptions | undefined; errors: FormErrors } {
  const errors: Record<string, string> = {};
  const number = (field: TextField, parse: (text: string) => number | undefined): number | undefined => {
    if (form[field].trim() === '') return undefined;
    const value = parse(form[field]);
    if (value === undefined)
      errors[field] = parse === parseCount ? 'must be a whole number' : 'must be a size, such as 64 KiB';
    return value;
  };
  const capacity = number('capacity', parseCount);
  if (form.capacity.trim() === '') errors.capacity = 'how many rows there is room for';
  const maxKeyBytes = number('maxKeyBytes', parseCount);
  const changes = number('changes', parseByteSize);
  const maxParticipants = number('maxParticipants', parseCount);
  const heapBytes = hasHeap(form) ? number('heapBytes', parseByteSize) : undefined;
  const blockBytes = hasHeap(form) ? number('blockBytes', parseByteSize) : undefined;
  if (blockBytes !== undefined && form.heapBytes.trim() === '') errors.heapBytes = 'needed with a size of blocks';
  const columns = readColumns(form.columns, errors);
  if (Object.keys(errors).length > 0 || capacity === undefined) return { options: undefined, errors };
  const options: FormOptions = {
    capacity,
    columns,
    ...(maxKeyBytes !== undefined && { maxKeyBytes }),
    ...(form.evict !== 'none' && { evict: form.evict }),
    ...(changes !== undefined && { changes }),
    ...(maxParticipants !== undefined && { maxParticipants }),
    ...(heapBytes !== undefined && { heap: blockBytes === undefined ? heapBytes : { bytes: heapBytes, blockBytes } }),
  };
  try {
    tableBytes(options);
    return { options, errors };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { options: undefined, errors: { [fieldOf(message) ?? 'form']: message } };
  }
}

function readColumns(columns: readonly ColumnForm[], errors: Record<string, string>): Columns {
  const kept = columns.filter(({ isDropped }) => !isDropped);
  const types: Record<string, ColumnType> = {};
  for (const { id, name, kind, size } of kept) {
    if (!COLUMN_NAME.test(name)) errors[`column/${id}`] = name === '' ? 'needs a name' : NAME_RULE;
    if (kept.some((other) => other.name === name && other.id < id))
      errors[`column/${id}`] = 'there is such a column already';
    const type = typeOf(kind, size) as ColumnType;
    try {
      tableBytes({ capacity: 1, columns: Object.fromEntries([[name, type]]) });
      // Not an assignment, which the name __proto__ would evade; it is refused above.
      types[name] = type;
    } catch (error) {
      errors[`column/${id}`] ??= shortened(error instanceof Error ? error.message : String(error));
    }
  }
  if (kept.length === 0) errors.columns = 'a table needs at least one column';
  return types;
}

/** Without the list of all types, which the form shows anyway. */
function shortened(message: string): string {
  return message.replace(/ \(int8, .*\)$/, ': a size is missing or is not a number');
}

/** The field that a message of the service is about; undefined if it is about none in particular. */
export function fieldOf(message: string): string | undefined {
  const word = /^(?:body\/)?([a-zA-Z]+)(?:[./](\w+))?/.exec(message);
  if (word === null) return undefined;
  const [, first, second] = word;
  if (first === 'heap') return second === 'blockBytes' ? 'blockBytes' : 'heapBytes';
  return ['capacity', 'maxKeyBytes', 'changes', 'maxParticipants'].find((field) => field === first);
}
