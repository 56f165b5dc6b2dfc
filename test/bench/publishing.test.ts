/** README, documents and chart show the figures of the committed run. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import t from 'tap';
import { replacePassage } from '../../bench/publishing/documents.js';
import { PUBLISHED, publishedFiles } from '../../bench/publishing/published.js';
import type { Report } from '../../src/bench/report.js';

const report: Report = JSON.parse(readFileSync(PUBLISHED, 'utf8'));

t.test('the published figures are those of the committed run', async (t) => {
  for (const { path, text } of publishedFiles(report)) {
    t.equal(readFileSync(path, 'utf8'), text, `${relative('.', path)}: npm run bench:publish writes it`);
  }
});

t.test('another run would change every file', async (t) => {
  const figures = report.figures.map((figure) => ({ ...figure, value: { ...figure.value, median: 12345 } }));
  for (const { path, text } of publishedFiles({ ...report, figures })) {
    t.not(readFileSync(path, 'utf8'), text, relative('.', path));
  }
});

t.test('a document without markers is an error; text outside the markers is not changed', async (t) => {
  t.throws(() => replacePassage('# Title\n', 'speed', 'text'), /no marks/);
  const document = (passage: string) =>
    `before\n\n<!-- speed: made by npm run bench:publish -->\n${passage}\n<!-- end of speed -->\n\nafter\n`;
  t.equal(replacePassage(document('\nold\n'), 'speed', 'new'), document('\nnew\n'));
  t.equal(replacePassage(document(''), 'speed', 'new'), document('\nnew\n'), 'also an empty passage');
});
