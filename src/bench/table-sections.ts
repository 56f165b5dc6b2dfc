/** The sections that need only the table: those of `shmtable bench`. */
import type { Section } from './section.js';

export const TABLE_SECTIONS: readonly Section[] = [
  ...[1_000, 100_000, 4_000_000].map((rows) => ({ name: `rows-${rows}`, module: moduleOf('rows'), rows })),
  { name: 'third-table', module: moduleOf('third-table'), rows: 1_000 },
  { name: 'reading', module: moduleOf('reading'), rows: 100_000 },
  { name: 'writing', module: moduleOf('writing'), rows: 100_000 },
  { name: 'tail', module: moduleOf('tail'), rows: 100_000 },
  { name: 'hot-key', module: moduleOf('hot-key'), rows: 100_000 },
  { name: 'iteration', module: moduleOf('iteration'), rows: 1_000_000 },
  { name: 'opening', module: moduleOf('opening') },
  { name: 'row-bytes', module: moduleOf('row-bytes'), rows: 1_000_000 },
];

function moduleOf(section: string): string {
  return new URL(`./sections/${section}.js`, import.meta.url).href;
}
