/**
 * Reads the request line's target exactly: paths keep every segment, empty ones too, and each segment is decoded on
 * its own, so that `%2F` is a character of a key and a trailing slash is a segment. The router decides which route
 * runs; the parameters come from here, because a router may shorten, merge or leave undecoded what it finds.
 */
import { ShmTableError, show } from '../errors.js';
import { decodePercent } from './key-encoding.js';

const ABSOLUTE_FORM = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;
/**
 * Characters that a target may contain (RFC 3986, and those that browsers do not encode); no `#`, no controls, no raw
 * UTF-8.
 */
const ALLOWED = /^[\x21\x22\x24-\x7e]*$/;

export interface RequestTarget {
  /** Without query and, in absolute form, without scheme and authority. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

type QueryValues = Readonly<Record<string, string | string[]>>;

/** The values of an empty query. */
export const NO_QUERY: QueryValues = Object.freeze({});

/**
 * Splits a target into path and query.
 *
 * @throws {ShmTableError} ERR_KEY_INVALID when it has characters that are invalid in a URL
 */
export function parseTarget(url: string): RequestTarget {
  if (!ALLOWED.test(url)) {
    throw new ShmTableError(
      'ERR_KEY_INVALID',
      `the request target ${show(url)} has characters that must be percent-encoded`,
    );
  }
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE_FORM, '');
  const mark = target.indexOf('?');
  return mark === -1 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** The path of a route, such as `/v1/tables/:table`. */
export class PathPattern {
  /** Of each segment the name of its parameter, or undefined if it is literal. */
  readonly #names: readonly (string | undefined)[];

  constructor(pattern: string) {
    this.#names = pattern.split('/').map((segment) => (segment.startsWith(':') ? segment.slice(1) : undefined));
  }

  /**
   * Returns the percent-decoded parameters of a path, or undefined when it has a different number of segments.
   *
   * @throws {ShmTableError} ERR_KEY_INVALID when a parameter is ill-formed UTF-8
   */
  parametersOf(path: string): Record<string, string> | undefined {
    const names = this.#names;
    const last = names.length - 1;
    const parameters: Record<string, string> = {};
    let start = 0;
    for (let i = 0; i <= last; i++) {
      const slash = path.indexOf('/', start);
      if ((slash === -1) !== (i === last)) return undefined;
      const name = names[i];
      if (name !== undefined) parameters[name] = decodePercent(path.slice(start, slash === -1 ? path.length : slash));
      start = slash + 1;
    }
    return parameters;
  }
}

/**
 * Parses a query in the form encoding of the URL standard (`+` is a space). A repeated name gives an array, which no
 * parameter accepts.
 *
 * @throws {ShmTableError} ERR_KEY_INVALID when the prefix is ill-formed UTF-8; ERR_ARGUMENT when another member is
 */
export function parseQuery(query: string): QueryValues {
  if (query === '') return NO_QUERY;
  const values = new Map<string, string[]>();
  for (const member of query.split('&')) {
    if (member === '') continue;
    const equals = member.indexOf('=');
    const name = decodeMember(equals === -1 ? member : member.slice(0, equals), member);
    const value = equals === -1 ? '' : decodeMember(member.slice(equals + 1), member);
    const given = values.get(name);
    if (given === undefined) values.set(name, [value]);
    else given.push(value);
  }
  return Object.fromEntries([...values].map(([name, given]) => [name, given.length === 1 ? given[0] : given]));
}

function decodeMember(text: string, member: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new ShmTableError(
      member.startsWith('prefix=') ? 'ERR_KEY_INVALID' : 'ERR_ARGUMENT',
      `the query's ${show(member)} is not percent-encoded, well-formed UTF-8`,
    );
  }
}
