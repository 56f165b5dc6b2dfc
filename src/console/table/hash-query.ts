/** What a page keeps in its address, after the `?` behind the `#`: a reload and a link show the same. */
import { createStore, useStore } from '../store.js';

const text = createStore(queryOf(window.location.hash));
window.addEventListener('hashchange', () => text.set(queryOf(window.location.hash)));

export function useHashQuery(): URLSearchParams {
  return new URLSearchParams(useStore(text));
}

/** The address of this page with other parameters; undefined and the empty text remove one. */
export function hashWith(changes: Readonly<Record<string, string | undefined>>): string {
  const [path, query = ''] = window.location.hash.split('?', 2);
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = String(parameters);
  return text === '' ? path : `${path}?${text}`;
}

/** Changes some parameters of this page, at the same point of the browser's history. */
export function setHashQuery(changes: Readonly<Record<string, string | undefined>>): void {
  window.history.replaceState(null, '', hashWith(changes));
  text.set(queryOf(window.location.hash));
}

function queryOf(hash: string): string {
  return hash.split('?', 2)[1] ?? '';
}
