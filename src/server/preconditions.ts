/** If-Match and If-None-Match on revisions (RFC 9110 section 13). */
import { ShmTableError, show } from '../errors.js';
import type { RevisionCondition } from '../table/revision-condition.js';

interface Preconditions {
  /** Not fulfilled: 412. */
  readonly ifMatch: RevisionCondition;
  /** Not fulfilled: 304 for GET and HEAD, else 412. */
  readonly ifNoneMatch: RevisionCondition;
}

interface ConditionalHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

/**
 * One element of a list, possibly empty (RFC 9110 section 5.6.1 allows empty elements). There is only one way to match
 * white space: with two, the time for a long run of it would grow with the square of its length.
 */
const ELEMENT = /[ \t]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(,|$)/y;

/** The end of the tag of a compressed response. */
const CODED = /-(?:br|gzip)"$/;

/** The entity tag of a revision. */
export function entityTag(revision: number): string {
  return `"${revision}"`;
}

/** The form of a tag that a client already has: the plain one, or that of a compressed response. */
export function knownTag(noneMatch: string | undefined, plain: string): string {
  const coded = ['br', 'gzip'].map((encoding) => `${plain.slice(0, -1)}-${encoding}"`);
  return coded.find((tag) => noneMatch?.includes(tag)) ?? plain;
}

/**
 * Returns the preconditions of a request, or undefined when it has none.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when a list of entity tags is malformed
 */
export function preconditionsOf(headers: ConditionalHeaders): Preconditions | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match === undefined && noneMatch === undefined) return undefined;
  return {
    ifMatch: match === undefined ? ANY : namedBy('If-Match', match, true),
    ifNoneMatch: noneMatch === undefined ? ANY : opposite(namedBy('If-None-Match', noneMatch, false)),
  };
}

/** Combines both preconditions for a request that writes. */
export function writeCondition(headers: ConditionalHeaders): RevisionCondition | undefined {
  const preconditions = preconditionsOf(headers);
  if (preconditions === undefined) return undefined;
  const { ifMatch, ifNoneMatch } = preconditions;
  return {
    allowsNone: ifMatch.allowsNone && ifNoneMatch.allowsNone,
    allowsRow: ifMatch.allowsRow && ifNoneMatch.allowsRow,
    among: ifMatch.among,
    notAmong: ifNoneMatch.notAmong,
  };
}

/** The condition that the row has this revision. */
export function revisionIs(wanted: number | undefined): RevisionCondition | undefined {
  return wanted === undefined ? undefined : { allowsNone: false, allowsRow: true, among: new Set([wanted]) };
}

/** The condition that there is no row. */
export const ROW_IS_MISSING: RevisionCondition = { allowsNone: true, allowsRow: false };

const ANY: RevisionCondition = { allowsNone: true, allowsRow: true };

/** The condition that the row has one of the revisions in a header, or any for `*`. */
function namedBy(header: string, list: string, strong: boolean): RevisionCondition {
  if (list.trim() === '*') return { allowsNone: false, allowsRow: true };
  const tags = parseTags(header, list).filter((tag) => !(strong && tag.weak));
  return { allowsNone: false, allowsRow: true, among: new Set(tags.flatMap(({ opaque }) => revisionOf(opaque))) };
}

/** The condition that the row has none of the revisions. */
function opposite({ among }: RevisionCondition): RevisionCondition {
  return among === undefined ? ROW_IS_MISSING : { allowsNone: true, allowsRow: true, notAmong: among };
}

/** The revision whose tag this is; none for a tag that no row ever has. */
function revisionOf(opaque: string): number[] {
  const revision = Number(opaque.slice(1, -1));
  return entityTag(revision) === opaque && Number.isSafeInteger(revision) ? [revision] : [];
}

function parseTags(header: string, list: string): EntityTag[] {
  const tags: EntityTag[] = [];
  let end = 0;
  for (;;) {
    ELEMENT.lastIndex = end;
    const element = ELEMENT.exec(list);
    if (element === null) throw malformed(header, list);
    if (element[2] !== undefined) {
      tags.push({ weak: element[1] !== undefined, opaque: element[2].replace(CODED, '"') });
    }
    end = ELEMENT.lastIndex;
    if (element[3] === '') break;
  }
  if (tags.length === 0) throw malformed(header, list);
  return tags;
}

function malformed(header: string, list: string): ShmTableError {
  return new ShmTableError(
    'ERR_ARGUMENT',
    `${header} must be * or a list of entity tags such as "12", got ${show(list)}`,
  );
}
