/** A row that is edited while somebody else writes it: what each side changed, and what is written in the end. */

import { ownValue } from '../own-value.js';

/** JSON text of each column. */
export type RowJson = Readonly<Record<string, string>>;

export interface ColumnDifference {
  readonly column: string;
  /** Values as JSON text: of the version that was read, of the one in the table now, and as edited here. */
  readonly base: string;
  readonly theirs: string;
  readonly yours: string;
  /** `both`: changed here and there, to different values, so somebody must choose. */
  readonly changedBy: 'theirs' | 'yours' | 'both';
}

export type Choices = Readonly<Record<string, 'theirs' | 'yours'>>;

/** The columns whose three versions are not all the same. `yours` has only the columns that were edited. */
export function differences(base: RowJson, theirs: RowJson, yours: RowJson): ColumnDifference[] {
  return Object.keys(theirs).flatMap((column): ColumnDifference[] => {
    // A column that the table did not have when the row was read has not been changed by anybody.
    const before = ownValue(base, column) ?? theirs[column];
    const versions = { column, base: before, theirs: theirs[column], yours: ownValue(yours, column) ?? before };
    const byThem = versions.theirs !== versions.base;
    const byYou = versions.yours !== versions.base;
    if (versions.theirs === versions.yours && !byThem) return [];
    if (byThem && byYou && versions.theirs !== versions.yours) return [{ ...versions, changedBy: 'both' }];
    return [{ ...versions, changedBy: byThem ? 'theirs' : 'yours' }];
  });
}

/** Columns that were changed on both sides and for which nothing is chosen yet. */
export function undecided(columns: readonly ColumnDifference[], choices: Choices): string[] {
  return columns
    .filter(({ column, changedBy }) => changedBy === 'both' && ownValue(choices, column) === undefined)
    .map(({ column }) => column);
}

/**
 * The columns to write over their version. A column that only one side changed keeps that change, unless the choice is
 * theirs; a column that is not decided is left as it is in the table.
 */
export function merged(columns: readonly ColumnDifference[], choices: Choices): RowJson {
  const row: Record<string, string> = {};
  for (const { column, theirs, yours, changedBy } of columns) {
    const choice = ownValue(choices, column) ?? (changedBy === 'yours' ? 'yours' : 'theirs');
    if (choice === 'yours' && theirs !== yours) row[column] = yours;
  }
  return row;
}

/** A row as the JSON text of an object. */
export function objectJson(row: RowJson): string {
  return `{${Object.entries(row)
    .map(([column, json]) => `${JSON.stringify(column)}:${json}`)
    .join(',')}}`;
}

/** Characters that are shown of a text, and of those before the first difference. */
const EXCERPT = 600;
const BEFORE = 80;

/** The part of a long text in which it first differs from another. */
export function excerpt(text: string, other: string): string {
  if (text.length <= EXCERPT) return text;
  let at = 0;
  while (at < text.length && text[at] === other[at]) at++;
  const from = at < EXCERPT - BEFORE ? 0 : at - BEFORE;
  const part = text.slice(from, from + EXCERPT).toWellFormed();
  return `${from > 0 ? '…' : ''}${part}${from + EXCERPT < text.length ? '…' : ''}`;
}
