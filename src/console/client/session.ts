/** Who the user is for the service: the token, and what it allows. */
import { createStore, type Store } from '../store.js';

/** Each includes those before it. */
export const SCOPES = ['read', 'write', 'admin'] as const;
type Scope = (typeof SCOPES)[number];

type Access =
  /** Not known yet, or the service could not be asked. */
  | { readonly state: 'unknown' }
  /**
   * The service wants a token; `reason` says why the last one was not accepted. `keepsPage`: it was accepted before, so
   * there may be a page on which the user has typed something.
   */
  | { readonly state: 'signed-out'; readonly reason: string | undefined; readonly keepsPage: boolean }
  | { readonly state: 'granted'; readonly scope: Scope };

const STORED_AS = 'shmtable.token';

let token = storedToken();

export const access: Store<Access> = createStore<Access>({ state: 'unknown' });

/** The token of this tab; undefined if the user has not signed in. */
export function currentToken(): string | undefined {
  return token;
}

/** Whether the user must have signed in to be here. */
export function hasToken(): boolean {
  return token !== undefined;
}

/** Keeps the token in memory, and until the tab is closed if `remember` is true. It never becomes part of an address. */
export function keepToken(value: string, remember: boolean): void {
  token = value;
  try {
    if (remember) sessionStorage.setItem(STORED_AS, value);
    else sessionStorage.removeItem(STORED_AS);
  } catch {
    // A browser that stores nothing asks again when the page is loaded again.
  }
}

/** Forgets the token and what the page shows. */
export function signOut(): void {
  forgetToken();
  access.set({ state: 'signed-out', reason: undefined, keepsPage: false });
}

/** The service does not accept the token, or wants one: asks for another one. */
export function tokenRefused(): void {
  const before = access.value;
  const keepsPage = before.state === 'granted' || (before.state === 'signed-out' && before.keepsPage);
  // Without a token, the refusal is no news: parts of the page may still send requests.
  if (token === undefined && before.state === 'signed-out') return;
  const reason = token === undefined ? undefined : 'The service does not know this token, or it has expired.';
  forgetToken();
  access.set({ state: 'signed-out', reason, keepsPage });
}

/** Resolves when the service accepts a token, or the signal is aborted. */
export function accessGranted(ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (access.value.state !== 'granted' && !ended.aborted) return;
      unsubscribe();
      ended.removeEventListener('abort', look);
      resolve();
    };
    const unsubscribe = access.subscribe(look);
    ended.addEventListener('abort', look);
    look();
  });
}

function forgetToken(): void {
  token = undefined;
  try {
    sessionStorage.removeItem(STORED_AS);
  } catch {
    // Nothing was stored.
  }
}

/** Whether the token has a scope, or the service wants none. */
function allows(granted: Access, scope: Scope): boolean {
  return granted.state === 'granted' && SCOPES.indexOf(granted.scope) >= SCOPES.indexOf(scope);
}

/** Why a control that needs a scope is disabled; undefined if it is not. */
export function refusalOf(granted: Access, scope: Scope): string | undefined {
  if (allows(granted, scope)) return undefined;
  const has = granted.state === 'granted' ? granted.scope : 'none';
  return `Needs a token with the scope ${scope}; this one has ${has}.`;
}

function storedToken(): string | undefined {
  try {
    return sessionStorage.getItem(STORED_AS) ?? undefined;
  } catch {
    return undefined;
  }
}
