/** The pages of the console, and their addresses after the `#`. */

export type Route =
  | { readonly page: 'overview' }
  | { readonly page: 'admin' }
  | { readonly page: 'table'; readonly table: string }
  | { readonly page: 'row'; readonly table: string; readonly key: string }
  | { readonly page: 'unknown' };

/** Reads what follows the address of the document, such as `#/tables/cities/rows/42`. */
export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, '').split('?', 1)[0];
  if (path === '' || path === '/') return { page: 'overview' };
  const parts = decodeParts(path);
  if (parts === undefined || parts[0] !== '') return { page: 'unknown' };
  const [, first, table, rows, key] = parts;
  if (first === 'admin' && parts.length === 2) return { page: 'admin' };
  if (first !== 'tables' || table === undefined || table === '') return { page: 'unknown' };
  if (parts.length === 3) return { page: 'table', table };
  if (rows === 'rows' && key !== undefined && key !== '' && parts.length === 5) return { page: 'row', table, key };
  return { page: 'unknown' };
}

/** The address of a page: the `href` of links to it. */
export function hrefOf(route: Exclude<Route, { page: 'unknown' }>): string {
  switch (route.page) {
    case 'overview':
      return '#/';
    case 'admin':
      return '#/admin';
    case 'table':
      return `#/tables/${encodeURIComponent(route.table)}`;
    case 'row':
      return `#/tables/${encodeURIComponent(route.table)}/rows/${encodeURIComponent(route.key)}`;
  }
}

/** Undefined when a part is not percent-encoded UTF-8. */
function decodeParts(path: string): string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}
