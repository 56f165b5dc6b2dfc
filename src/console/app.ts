/** The frame of every page: navigation, access, messages. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { access, hasToken, signOut } from './client/session.js';
import { findAccess } from './client/sign-in.js';
import { ConnectionBanner } from './connection-banner.js';
import { AdminPage } from './pages/admin.js';
import { OverviewPage } from './pages/overview.js';
import { RowPage } from './pages/row.js';
import { SignIn, SignInAgain } from './pages/sign-in.js';
import { TablePage } from './pages/table.js';
import { h, html } from './parts/html.js';
import { ProblemBox } from './parts/problem-box.js';
import { Toasts } from './parts/toasts.js';
import { hrefOf, type Route } from './route.js';
import { useRoute, useTitle } from './router.js';
import { useStore } from './store.js';
import { chooseTheme, THEMES, theme } from './theme.js';

export function App(): VNode {
  const granted = useStore(access);
  const [problem, setProblem] = useState<unknown>();
  const ask = (): void => {
    setProblem(undefined);
    findAccess().catch(setProblem);
  };
  useEffect(ask, []);
  return html`<div class="frame">
    <a class="skip" href="#content" onClick=${skipToContent}>Skip to the content</a>
    ${h(Header, {})}
    ${h(ConnectionBanner, {})}
    ${
      granted.state === 'granted' || (granted.state === 'signed-out' && granted.keepsPage)
        ? h(Page, {})
        : granted.state === 'signed-out'
          ? h(SignIn, { reason: granted.reason })
          : html`<main id="content" tabindex="-1">
              <h1 class="visually-hidden">shmtable</h1>
              ${
                problem === undefined
                  ? html`<p class="loading">Connecting…</p>`
                  : h(ProblemBox, { what: 'The console could not connect', error: problem, onRetry: ask })
              }
            </main>`
    }
    ${granted.state === 'signed-out' && granted.keepsPage && h(SignInAgain, { reason: granted.reason })}
    ${h(Toasts, {})}
  </div>`;
}

function Header(): VNode {
  const granted = useStore(access);
  const chosen = useStore(theme);
  const route = useRoute();
  const link = (page: 'overview' | 'admin', text: string): VNode =>
    html`<a href=${hrefOf({ page })} aria-current=${route.page === page ? 'page' : undefined}>${text}</a>`;
  return html`<header class="top">
    <span class="brand">shmtable</span>
    ${
      granted.state === 'granted' &&
      html`<nav aria-label="Pages">${link('overview', 'Overview')} ${link('admin', 'Administration')}</nav>`
    }
    <div class="top-end">
      ${
        granted.state === 'granted' &&
        hasToken() &&
        html`<span class="scope">Scope: ${granted.scope}</span>
          <button type="button" class="quiet" onClick=${() => signOut()}>Sign out</button>`
      }
      <label class="theme"
        ><span class="visually-hidden">Colours</span>
        <select
          onChange=${(event: { currentTarget: HTMLSelectElement }) =>
            chooseTheme(THEMES[event.currentTarget.selectedIndex] ?? 'system')}
        >
          ${THEMES.map((each) => html`<option selected=${each === chosen}>${each}</option>`)}
        </select>
      </label>
    </div>
  </header>`;
}

function Page(): VNode {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const address = route.page === 'unknown' ? '' : hrefOf(route);
  const shown = useRef(address);
  // A new page takes the focus, as when a browser loads one; the first one does not.
  useEffect(() => {
    if (shown.current === address) return;
    shown.current = address;
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [address]);
  return html`<main id="content" ref=${main} tabindex="-1">${pageOf(route)}</main>`;
}

function pageOf(route: Route): VNode {
  switch (route.page) {
    case 'overview':
      return h(OverviewPage, {});
    case 'admin':
      return h(AdminPage, {});
    case 'table':
      return h(TablePage, { key: route.table, table: route.table });
    case 'row':
      return h(RowPage, { key: `${route.table}/${route.key}`, table: route.table, rowKey: route.key });
    case 'unknown':
      return h(UnknownPage, {});
  }
}

function UnknownPage(): VNode {
  useTitle('No such page');
  return html`<h1>No such page</h1>
    <p>This address leads nowhere. <a href=${hrefOf({ page: 'overview' })}>Overview</a></p>`;
}

/** The address of the page is after the `#`, so the link must not follow its own. */
function skipToContent(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}
