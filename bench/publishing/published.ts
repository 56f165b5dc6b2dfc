/** The files of the repository that show a run of the benchmark, and their contents. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/bench/report.js';
import { chartOf } from './chart.js';
import { performancePassage, readmePassage, replacePassage } from './documents.js';

/** The run that the documents show. */
export const PUBLISHED = pathOf('bench/results/published.json');

export interface PublishedFile {
  readonly path: string;
  readonly text: string;
}

/** Each file that depends on the run, with its contents. */
export function publishedFiles(report: Report): PublishedFile[] {
  const withPassage = (path: string, name: string, passage: string): PublishedFile => ({
    path: pathOf(path),
    text: replacePassage(readFileSync(pathOf(path), 'utf8'), name, passage),
  });
  return [
    { path: pathOf('docs/speed.svg'), text: chartOf(report) },
    withPassage('README.md', 'speed', readmePassage(report)),
    withPassage('docs/performance.md', 'figures', performancePassage(report)),
  ];
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../../${file}`, import.meta.url));
}
