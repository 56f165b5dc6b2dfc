/**
 * `npm run bench:publish`: writes the figures of a run of the benchmark into README, documents and chart.
 *
 *   node dist/bench/publish.js [REPORT]
 *
 * REPORT is the JSON of a full run: bench/results/latest.json.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Report } from '../src/bench/report.js';
import { PUBLISHED, publishedFiles } from './publishing/published.js';

const file = process.argv[2] ?? fileURLToPath(new URL('../../bench/results/latest.json', import.meta.url));
const report: Report = JSON.parse(readFileSync(file, 'utf8'));
const files = publishedFiles(report);
writeFileSync(PUBLISHED, `${JSON.stringify(report, null, 2)}\n`);
for (const { path, text } of files) writeFileSync(path, text);
