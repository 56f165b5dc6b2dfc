/** Which page is shown: the part of the address after the `#`. */
import { useEffect } from 'preact/hooks';
import { hrefOf, parseRoute, type Route } from './route.js';
import { createStore, useStore } from './store.js';

const route = createStore(parseRoute(window.location.hash));
window.addEventListener('hashchange', () => route.set(parseRoute(window.location.hash)));

export function useRoute(): Route {
  return useStore(route);
}

/** Shows another page, and leaves this one in the history of the browser. */
export function navigate(to: Exclude<Route, { page: 'unknown' }>): void {
  window.location.hash = hrefOf(to);
}

/** Sets the title of the document while the component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} - shmtable`;
  }, [title]);
}
