/** Which states of a row let a write proceed: a comparison of its revision, as data that another machine can evaluate. */
export interface RevisionCondition {
  /** Whether there may be no row. */
  readonly allowsNone: boolean;
  /** Whether there may be a row. */
  readonly allowsRow: boolean;
  /** The revisions that the row may have; undefined for any. */
  readonly among?: ReadonlySet<number> | undefined;
  /** The revisions that it may not have. */
  readonly notAmong?: ReadonlySet<number> | undefined;
}

/** Whether a row with this revision may be written; undefined for no row. */
export function allows(
  { allowsNone, allowsRow, among, notAmong }: RevisionCondition,
  revision: number | undefined,
): boolean {
  if (revision === undefined) return allowsNone;
  return allowsRow && (among === undefined || among.has(revision)) && notAmong?.has(revision) !== true;
}
