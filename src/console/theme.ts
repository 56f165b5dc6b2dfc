/** Light or dark: as the system prefers, unless the user has chosen. */
import { createStore, type Store } from './store.js';

export const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const STORED_AS = 'shmtable.theme';

export const theme: Store<Theme> = createStore(storedTheme());
applyTheme();

/** Changes when the colours on the page do: charts are then drawn again. */
export const darkness: Store<boolean> = createStore(isDark());
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => darkness.set(isDark()));

export function chooseTheme(chosen: Theme): void {
  theme.set(chosen);
  try {
    localStorage.setItem(STORED_AS, chosen);
  } catch {
    // A browser that stores nothing forgets the choice with the page.
  }
  applyTheme();
  darkness.set(isDark());
}

function storedTheme(): Theme {
  try {
    return THEMES.find((each) => each === localStorage.getItem(STORED_AS)) ?? 'system';
  } catch {
    return 'system';
  }
}

function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

function isDark(): boolean {
  return theme.value === 'system' ? window.matchMedia('(prefers-color-scheme: dark)').matches : theme.value === 'dark';
}
