/** The paths of the service, relative to its address. */

export function tablePath(table: string): string {
  return `v1/tables/${encodeURIComponent(table)}`;
}

/** Keys that neither browsers nor proxies rewrite in a path, encoded or not, as they do with dots and slashes. */
const PLAIN = /^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$/;

/** The path of a row and the query parameter that says how its key is written. */
export function rowPath(table: string, key: string): { path: string; query: { keyEncoding?: string } } {
  const rows = `${tablePath(table)}/rows`;
  if (PLAIN.test(key)) return { path: `${rows}/${key}`, query: {} };
  return { path: `${rows}/${base64Url(key)}`, query: { keyEncoding: 'base64url' } };
}

function base64Url(text: string): string {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
