/** What was edited in a row and is not saved yet. */
import { ownValue } from '../own-value.js';
import type { RowJson } from './row-versions.js';
import { type Draft, jsonOf, readDraft } from './value-text.js';

/** Of the columns that were edited. */
export type Drafts = Readonly<Record<string, Draft>>;

export function rowJsonOf(row: Readonly<Record<string, unknown>>): RowJson {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, jsonOf(value)]));
}

/** With an edited value; one that is written like the original is not an edit. */
export function withDraft(drafts: Drafts, originals: Drafts, column: string, draft: Draft): Drafts {
  const { [column]: _, ...others } = drafts;
  const original = originals[column];
  if (draft.text === original.text && draft.notation === original.notation) return others;
  return { ...others, [column]: draft };
}

/** JSON text of the edited columns; undefined if a draft cannot be read. Columns that still have their value are left out. */
export function editedJson(
  drafts: Drafts,
  base: RowJson,
  types: Readonly<Record<string, string>>,
): RowJson | undefined {
  const edited: Record<string, string> = {};
  for (const [column, draft] of Object.entries(drafts)) {
    const { json } = readDraft(types[column], draft);
    if (json === undefined) return undefined;
    if (json !== ownValue(base, column)) edited[column] = json;
  }
  return edited;
}
