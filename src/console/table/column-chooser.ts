/** Which columns of a table are listed. */
import type { VNode } from 'preact';
import { CheckboxField } from '../parts/fields.js';
import { h, html } from '../parts/html.js';

/** Of a table with more columns, only these many are listed at first. */
const LISTED_AT_FIRST = 12;
/** In the address, a list without columns; no column has this name. */
const NO_COLUMNS = '-';

/** The columns that the address names, in the order of the table; undefined for all. */
export function columnsShown(
  columns: Readonly<Record<string, string>>,
  named: string | null,
): readonly string[] | undefined {
  const all = Object.keys(columns);
  if (named === NO_COLUMNS) return [];
  const wanted = named === null ? all.slice(0, LISTED_AT_FIRST) : named.split(',');
  const shown = all.filter((name) => wanted.includes(name));
  // A link may name columns that the table has no more.
  if (shown.length === 0) return all.length > LISTED_AT_FIRST ? all.slice(0, LISTED_AT_FIRST) : undefined;
  return shown.length === all.length ? undefined : shown;
}

interface ColumnChooserProps {
  readonly all: readonly string[];
  readonly shown: readonly string[];
  /** Gets what the address is to name. */
  readonly onChange: (named: string) => void;
}

export function ColumnChooser({ all, shown, onChange }: ColumnChooserProps): VNode {
  const choose = (names: readonly string[]): void => onChange(names.length === 0 ? NO_COLUMNS : names.join(','));
  const toggle = (name: string, isShown: boolean): void =>
    choose(all.filter((each) => (each === name ? isShown : shown.includes(each))));
  return html`<details class="columns">
    <summary>Columns: ${shown.length} of ${all.length}</summary>
    <div class="column-list" role="group" aria-label="Columns to list">
      ${all.map((name) =>
        h(CheckboxField, {
          key: name,
          label: name,
          isChecked: shown.includes(name),
          onChange: (isChecked: boolean) => toggle(name, isChecked),
        }),
      )}
    </div>
    <div class="buttons">
      <button type="button" onClick=${() => choose(all)}>All</button>
      <button type="button" onClick=${() => choose([])}>Only keys</button>
    </div>
  </details>`;
}
