/** The sections that need nothing but the table: those of `shmtable bench`. */
import type { Section } from './section.js';

export const TABLE_SECTIONS: readonly Section[] = [
  ...[1_000, 100_000, 4_000_000].map((rows) => ({ name: `rows-${rows}`, module: moduleOf('rows'), rows })),
];

function moduleOf(section: string): string {
  return new URL(`./sections/${section}.js`, import.meta.url).href;
}
