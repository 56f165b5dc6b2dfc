/** The pages of a listing that were visited. A cursor leads only forward, so the way back is by the cursors before. */
export interface PageHistory {
  /** Cursors of the pages before this one, the first page's first; `undefined` is the cursor of the first page. */
  readonly before: readonly (string | undefined)[];
  /** Of this page. */
  readonly cursor: string | undefined;
  /** Rows on the pages before. */
  readonly rowsBefore: readonly number[];
}

export const FIRST_PAGE: PageHistory = { before: [], cursor: undefined, rowsBefore: [] };

/** The page after this one, which showed `rows` rows and ended with `cursor`. */
export function nextPage(history: PageHistory, cursor: string, rows: number): PageHistory {
  return {
    before: [...history.before, history.cursor],
    cursor,
    rowsBefore: [...history.rowsBefore, rows],
  };
}

export function previousPage(history: PageHistory): PageHistory {
  if (history.before.length === 0) return history;
  return {
    before: history.before.slice(0, -1),
    cursor: history.before[history.before.length - 1],
    rowsBefore: history.rowsBefore.slice(0, -1),
  };
}

/** The number of this page, from 1. */
export function pageNumber({ before }: PageHistory): number {
  return before.length + 1;
}

/** How many rows the pages before this one showed. */
export function rowsBefore({ rowsBefore }: PageHistory): number {
  return rowsBefore.reduce((sum, rows) => sum + rows, 0);
}
