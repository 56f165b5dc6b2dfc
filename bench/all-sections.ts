/** All sections of `npm run bench`: those of the table, and those that need other programs and packages. */
import type { Section } from '../src/bench/section.js';
import { TABLE_SECTIONS } from '../src/bench/table-sections.js';

export interface ComparingSection extends Section {
  /** Whether the section needs the packages of bench/competitors. */
  readonly packages?: boolean;
}

export const ALL_SECTIONS: readonly ComparingSection[] = [
  ...TABLE_SECTIONS,
  { name: 'cache', module: moduleOf('cache'), rows: 20_000 },
  { name: 'stores', module: moduleOf('stores'), rows: 100_000, packages: true },
  { name: 'servers', module: moduleOf('servers'), rows: 100_000, packages: true },
  { name: 'values', module: moduleOf('values'), rows: 5000, packages: true },
  { name: 'adapters', module: moduleOf('adapters'), rows: 5000, packages: true },
  { name: 'alter', module: moduleOf('alter'), rows: 1_000_000 },
  { name: 'cluster-near', module: moduleOf('cluster-near'), rows: 10_000 },
  { name: 'cluster-large', module: moduleOf('cluster-near'), rows: 1_000_000 },
  { name: 'cluster-writes', module: moduleOf('cluster-writes'), rows: 10_000 },
  { name: 'cluster-feed', module: moduleOf('cluster-feed'), rows: 30_000 },
  { name: 'http', module: moduleOf('http'), rows: 100_000 },
  { name: 'request-cpu', module: moduleOf('request-cpu'), rows: 100_000 },
  { name: 'hostile', module: moduleOf('hostile'), rows: 1_000_000 },
  { name: 'other-http', module: moduleOf('http-servers'), rows: 100_000, packages: true },
];

function moduleOf(section: string): string {
  return new URL(`./sections/${section}.js`, import.meta.url).href;
}
