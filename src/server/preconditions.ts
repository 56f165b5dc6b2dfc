/** If-Match and If-None-Match on revisions (RFC 9110 section 13). */
import { ShmTableError, show } from '../errors.js';

/** Decides from the row's revision, undefined for a missing row, whether a write may proceed. */
export type Condition = (revision: number | undefined) => boolean;

interface Preconditions {
  /** False: 412. */
  readonly ifMatch: Condition;
  /** False: 304 for GET and HEAD, else 412. */
  readonly ifNoneMatch: Condition;
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

/** The tag of a revision that a client already has, which may be that of a compressed response. */
export function knownTag(noneMatch: string | undefined, revision: number): string {
  const coded = ['br', 'gzip'].map((encoding) => `"${revision}-${encoding}"`);
  return coded.find((tag) => noneMatch?.includes(tag)) ?? entityTag(revision);
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
    ifMatch: match === undefined ? always : matches('If-Match', match, true),
    ifNoneMatch: noneMatch === undefined ? always : not(matches('If-None-Match', noneMatch, false)),
  };
}

/** Combines both preconditions for a request that writes. */
export function writeCondition(headers: ConditionalHeaders): Condition | undefined {
  const preconditions = preconditionsOf(headers);
  if (preconditions === undefined) return undefined;
  return (revision) => preconditions.ifMatch(revision) && preconditions.ifNoneMatch(revision);
}

/** The condition that the row has this revision. */
export function revisionIs(wanted: number | undefined): Condition | undefined {
  return wanted === undefined ? undefined : (revision) => revision === wanted;
}

/** The condition that there is no row. */
export function rowIsMissing(revision: number | undefined): boolean {
  return revision === undefined;
}

function always(): boolean {
  return true;
}

function not(condition: Condition): Condition {
  return (revision) => !condition(revision);
}

function matches(header: string, list: string, strong: boolean): Condition {
  if (list.trim() === '*') return (revision) => revision !== undefined;
  const tags = parseTags(header, list).filter((tag) => !(strong && tag.weak));
  const wanted = new Set(tags.map((tag) => tag.opaque));
  return (revision) => revision !== undefined && wanted.has(entityTag(revision));
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
